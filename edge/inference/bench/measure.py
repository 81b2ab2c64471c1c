"""Times of several models on the same frame, in turn, so that a machine that slows down slows all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.core.progress import Progress
from edge.inference.frames.frame import Image
from edge.inference.model import Model

BLOCK_S = 0.05
"""Time that one model runs before the next has its turn: the idle threads of the last one spin for some ms."""
WARM_UP_S = 0.01
"""At the beginning of each block, does not count."""
HOPELESS = 2.0
"""Models this much slower than the fastest on the same runtime are measured in the first rounds only."""
FIRST_ROUNDS = 2
STRETCHES = 5


@dataclass(frozen=True, slots=True)
class Times:
    """In milliseconds."""

    p50_ms: float
    p99_ms: float
    """Median of the p99 of five stretches of time, so that a disturbance from outside does not decide."""

    @classmethod
    def of(cls, nanoseconds: Sequence[int]) -> Times:
        taken = np.asarray(nanoseconds) / 1e6
        stretches = np.array_split(taken, min(STRETCHES, len(taken)))
        p99 = np.median([np.percentile(stretch, 99) for stretch in stretches])
        return cls(round(float(np.median(taken)), 4), round(float(p99), 4))


@dataclass(slots=True)
class Timings:
    """Timings of one model, in nanoseconds, one of each per frame."""

    preprocess: list[int] = field(default_factory=list)
    invoke: list[int] = field(default_factory=list)
    decision: list[int] = field(default_factory=list)
    """The whole way, from a frame in memory to its decision."""


ModelSamples = tuple[Model, Timings]


def measure(models: Sequence[Model], image: Image, seconds: float, progress: Progress) -> list[Timings]:
    """For ``seconds`` each, in short blocks in turn, there and back again."""
    samples = [Timings() for _ in models]
    pairs = list(zip(models, samples, strict=True))
    gc.collect()
    gc.disable()
    try:
        _rounds(pairs, image, lambda number, _: number < FIRST_ROUNDS, progress)
        hopeful = _hopeful(pairs)
        total = seconds * len(hopeful)
        _rounds(hopeful, image, lambda _, elapsed: elapsed < total, progress, total)
    finally:
        gc.enable()
    return samples


def _rounds(
    pairs: list[ModelSamples],
    image: Image,
    more: Callable[[int, float], bool],
    progress: Progress,
    total: float = 0.0,
) -> None:
    began, number = time.monotonic(), 0
    while more(number, elapsed := time.monotonic() - began):
        progress.seldom(f"  measuring, {elapsed:.0f} of {total:.0f} s" if total else "  measuring, first rounds")
        for model, own in pairs if number % 2 else reversed(pairs):
            _block(model, image, own)
        number += 1


def _hopeful(pairs: list[ModelSamples]) -> list[ModelSamples]:
    fastest: dict[str, float] = {}
    medians = [float(np.median(samples.decision)) for _, samples in pairs]
    for (model, _), median in zip(pairs, medians, strict=True):
        name = model.interpreter.runtime.name
        fastest[name] = min(median, fastest.get(name, median))
    limits = [HOPELESS * fastest[model.interpreter.runtime.name] for model, _ in pairs]
    return [pair for pair, median, limit in zip(pairs, medians, limits, strict=True) if median <= limit]


def _block(model: Model, image: Image, samples: Timings) -> None:
    _for(WARM_UP_S, lambda: model.predict(image))
    _for(BLOCK_S, lambda: _frame(model, image, samples))


def _for(seconds: float, call: Callable[[], object]) -> None:
    """At least once."""
    until = time.perf_counter() + seconds
    call()
    while time.perf_counter() < until:
        call()


def _frame(model: Model, image: Image, samples: Timings) -> None:
    clock = time.perf_counter_ns
    began = clock()
    model.preprocess(image)
    ready = clock()
    model.interpreter.run()
    ran = clock()
    model.predict(image)
    decided = clock()
    samples.preprocess.append(ready - began)
    samples.invoke.append(ran - ready)
    samples.decision.append(decided - ran)
