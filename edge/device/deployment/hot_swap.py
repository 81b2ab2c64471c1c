"""Another cascade for all cameras, between two frames of each, with the recorder prepared for it."""

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
    """The cascade of each camera, of one model, loaded; and its generation."""

    cascades: tuple[Cascade, ...]
    generation: Generation

    @property
    def number(self) -> int:
        return self.generation.number

    @property
    def refused(self) -> int:
        """Pictures that the runtime refused and the models before it judged."""
        return sum(cascade.refused for cascade in self.cascades)

    def lean_on(self, before: ActiveModels) -> None:
        """Lets ``before`` judge the frames that the runtime refuses, until :meth:`stand_alone`."""
        for cascade, fallback in zip(self.cascades, before.cascades, strict=True):
            cascade.fall_back_on(fallback)

    def stand_alone(self) -> None:
        for cascade in self.cascades:
            cascade.fall_back_on(None)


class HotSwap:
    """Used by one thread."""

    def __init__(
        self, pipelines: Sequence[Pipeline], recorder: Recorder, open_generation: Callable[[Cascade], Generation]
    ) -> None:
        self.pipelines = pipelines
        self._recorder, self._open_tenure = recorder, open_generation
        self._last = max(pipeline.generation for pipeline in pipelines)
        self.left = 0
        """Threads that hang in a model and were left behind; a start of the daemon alone gets rid of them."""

    def prepare(self, beside: ActiveModels, first: Model) -> ActiveModels:
        """``first`` in the place of the first model of ``beside``, which shares the others. Nothing is changed yet.

        Raises ConfigError when the next models do not follow from its labels.
        """
        models = [first, *(first.clone() for _ in beside.cascades[1:])]
        self._last += 1
        cascades = tuple(
            cascade.with_first(model, self._last) for cascade, model in zip(beside.cascades, models, strict=True)
        )
        return ActiveModels(cascades, self._open_tenure(cascades[0]))

    def again(self, active_models: ActiveModels) -> ActiveModels:
        """The same models, back after an interruption; drift is watched on where it was left."""
        self._last += 1
        cascades = tuple(cascade.with_first(cascade.models[0], self._last) for cascade in active_models.cascades)
        before = active_models.generation
        generation = Generation(self._last, before.identity, before.watches, before.labels, before.facts)
        return ActiveModels(cascades, generation)

    def to(self, active_models: ActiveModels, within_s: float = TURN_S) -> bool:
        """True when the last camera has finished its last frame with the cascade before; False when one hangs in
        it."""
        self._recorder.expect(active_models.generation)
        for pipeline, cascade in zip(self.pipelines, active_models.cascades, strict=True):
            pipeline.swap(cascade)
        return not self._behind(active_models, within_s)

    def away_to(self, active_models: ActiveModels, within_s: float) -> bool:
        """Swaps like :meth:`to`, but replaces threads that have not switched within ``within_s``. False when one
        hangs elsewhere than in the first model: there is no going on without it.
        """
        self.to(active_models, 0.0)
        for pipeline in self._behind(active_models, within_s):
            self.left += pipeline.abandon_hung_thread()
        return not self._behind(active_models, TURN_S)

    def _behind(self, active_models: ActiveModels, within_s: float) -> list[Pipeline]:
        """Those that still do not judge with ``active_models`` after that time."""
        until = time.monotonic() + within_s
        while behind := [one for one in self.pipelines if one.generation != active_models.number and not one.ended]:
            if time.monotonic() >= until:
                break
            time.sleep(_POLL_S)
        return behind

    def stands_for_s(self) -> float:
        """Longest time that a camera has been in its present turn; 0 where none is."""
        turns_ns = [one.progress_ns for one in self.pipelines if one.progress_ns and not one.ended]
        return (time.monotonic_ns() - min(turns_ns)) / 1e9 if turns_ns else 0.0

    def part_with(self, active_models: ActiveModels) -> None:
        """It will not judge again."""
        self._recorder.part_with(active_models.number)
