"""Another chain for all cameras, between two frames of each, with the back office prepared for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.chain import Chain
from edge.model import Model
from edge.office import Office
from edge.pipeline import Pipeline
from edge.tenure import Tenure

log = logging.getLogger(__name__)

_POLL_S = 0.005
TURN_S = 0.5
"""A decision loop turns ten times a second."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The chain of each camera, of one model, loaded; and its tenure."""

    chains: tuple[Chain, ...]
    tenure: Tenure

    @property
    def number(self) -> int:
        return self.tenure.number


class Switch:
    """Used by one thread."""

    def __init__(self, pipelines: Sequence[Pipeline], office: Office, open_tenure: Callable[[Chain], Tenure]) -> None:
        self.pipelines = pipelines
        self._office, self._open_tenure = office, open_tenure
        self._last = max(pipeline.tenure for pipeline in pipelines)

    def prepare(self, beside: Crew, first: Model) -> Crew:
        """``first`` in the place of the first model of ``beside``, which shares the others. Nothing is changed yet.

        Raises ConfigError when the next models do not follow from its labels.
        """
        models = [first, *(first.twin() for _ in beside.chains[1:])]
        self._last += 1
        chains = tuple(chain.led_by(model, self._last) for chain, model in zip(beside.chains, models, strict=True))
        return Crew(chains, self._open_tenure(chains[0]))

    def again(self, crew: Crew) -> Crew:
        """The same models, back after an interruption; drift is watched on where it was left."""
        self._last += 1
        chains = tuple(chain.led_by(chain.models[0], self._last) for chain in crew.chains)
        before = crew.tenure
        tenure = Tenure(self._last, before.identity, before.watches, before.labels, before.facts)
        return Crew(chains, tenure)

    def to(self, crew: Crew) -> None:
        """Returns when the last camera has finished its last frame with the chain before, or hangs in it."""
        self._office.expect(crew.tenure)
        for pipeline, chain in zip(self.pipelines, crew.chains, strict=True):
            pipeline.swap(chain)
        until = time.monotonic() + TURN_S
        while not all(pipeline.tenure == crew.number or pipeline.ended for pipeline in self.pipelines):
            if time.monotonic() >= until:
                log.warning("a camera's decisions do not go on; they will with %s", crew.tenure.identity.model)
                return
            time.sleep(_POLL_S)

    def stands_for_s(self) -> float:
        """How long the camera that is longest in its turn has been in it; 0 where none is."""
        turns_ns = [one.progress_ns for one in self.pipelines if one.progress_ns and not one.ended]
        return (time.monotonic_ns() - min(turns_ns)) / 1e9 if turns_ns else 0.0

    def part_with(self, crew: Crew) -> None:
        """It will not judge again."""
        self._office.part_with(crew.number)
