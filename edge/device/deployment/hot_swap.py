"""Another chain for all cameras, between two frames of each, with the back office prepared for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.device.generation import Generation
from edge.device.pipeline import Pipeline
from edge.device.recorder import Recorder
from edge.inference.cascade import Cascade
from edge.inference.model import Model

_POLL_S = 0.005
TURN_S = 0.5
"""A decision loop turns ten times a second."""


@dataclass(frozen=True, slots=True)
class ActiveModels:
    """The chain of each camera, of one model, loaded; and its tenure."""

    chains: tuple[Cascade, ...]
    tenure: Generation

    @property
    def number(self) -> int:
        return self.tenure.number

    @property
    def refused(self) -> int:
        """Pictures that the runtime refused and the crew before it judged."""
        return sum(chain.refused for chain in self.chains)

    def lean_on(self, before: ActiveModels) -> None:
        """Lets ``before`` judge the frames that the runtime refuses, until :meth:`stand_alone`."""
        for chain, stand_in in zip(self.chains, before.chains, strict=True):
            chain.stand_in = stand_in

    def stand_alone(self) -> None:
        for chain in self.chains:
            chain.stand_in = None


class HotSwap:
    """Used by one thread."""

    def __init__(
        self, pipelines: Sequence[Pipeline], office: Recorder, open_tenure: Callable[[Cascade], Generation]
    ) -> None:
        self.pipelines = pipelines
        self._office, self._open_tenure = office, open_tenure
        self._last = max(pipeline.tenure for pipeline in pipelines)
        self.left = 0
        """Threads that hang in a model and were left behind; a start of the daemon alone gets rid of them."""

    def prepare(self, beside: ActiveModels, first: Model) -> ActiveModels:
        """``first`` in the place of the first model of ``beside``, which shares the others. Nothing is changed yet.

        Raises ConfigError when the next models do not follow from its labels.
        """
        models = [first, *(first.twin() for _ in beside.chains[1:])]
        self._last += 1
        chains = tuple(chain.led_by(model, self._last) for chain, model in zip(beside.chains, models, strict=True))
        return ActiveModels(chains, self._open_tenure(chains[0]))

    def again(self, crew: ActiveModels) -> ActiveModels:
        """The same models, back after an interruption; drift is watched on where it was left."""
        self._last += 1
        chains = tuple(chain.led_by(chain.models[0], self._last) for chain in crew.chains)
        before = crew.tenure
        tenure = Generation(self._last, before.identity, before.watches, before.labels, before.facts)
        return ActiveModels(chains, tenure)

    def to(self, crew: ActiveModels, within_s: float = TURN_S) -> bool:
        """True when the last camera has finished its last frame with the chain before; False when one hangs in it."""
        self._office.expect(crew.tenure)
        for pipeline, chain in zip(self.pipelines, crew.chains, strict=True):
            pipeline.swap(chain)
        return not self._behind(crew, within_s)

    def away_to(self, crew: ActiveModels, within_s: float) -> bool:
        """Swaps like :meth:`to`, but replaces threads that have not switched within ``within_s``. False when one
        hangs elsewhere than in the first model: there is no going on without it.
        """
        self.to(crew, 0.0)
        for pipeline in self._behind(crew, within_s):
            self.left += pipeline.leave_behind()
        return not self._behind(crew, TURN_S)

    def _behind(self, crew: ActiveModels, within_s: float) -> list[Pipeline]:
        """Those that still do not judge with ``crew`` after that time."""
        until = time.monotonic() + within_s
        while behind := [one for one in self.pipelines if one.tenure != crew.number and not one.ended]:
            if time.monotonic() >= until:
                break
            time.sleep(_POLL_S)
        return behind

    def stands_for_s(self) -> float:
        """Longest time that a camera has been in its present turn; 0 where none is."""
        turns_ns = [one.progress_ns for one in self.pipelines if one.progress_ns and not one.ended]
        return (time.monotonic_ns() - min(turns_ns)) / 1e9 if turns_ns else 0.0

    def part_with(self, crew: ActiveModels) -> None:
        """It will not judge again."""
        self._office.part_with(crew.number)
