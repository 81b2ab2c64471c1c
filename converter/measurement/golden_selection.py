"""Which of the candidates become golden samples, and how far another device may be from them.

Kernels round differently, and a network makes much of that on some pictures, little on others: on an int8 ResNet-8,
x86-64 and ARM64 lie 1 to 47 of 256 steps apart. What x86-64's own kernels do to a picture says too little of what
others will. What the network makes of the smallest change of its input says it: over forty pictures, four kernels and
both processors no difference was more than 1.8 times the largest one under random steps of at most 1. So golden
samples are pictures that mind such steps little and a wrong way of feeding much, and the tolerance is twice what the
steps do.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from converter.data.scores import Outputs
from converter.measurement.golden import SURE
from edge.core.arrays import Integers

COUNT = 3
SHAKES = 8
"""Times that a candidate is judged with every value one step higher, lower, or as it is."""
MIN_TOLERANCE = 4
"""Quantization steps, 1/64 of the score's range."""
TELLING = 10.0
"""At one of the samples a device that feeds the model wrongly should come out so many tolerances apart; more is no
better.
"""
FLOAT_STEPS = 256


def probes(tensors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The candidates' input tensors, (n, height, width, channels), shaken and fed wrongly: (ways × n, …), way after
    way. The same tensors give the same.
    """
    shakes = np.random.default_rng(0).integers(-1, 2, (SHAKES, *tensors.shape), np.int16)
    shaken = np.clip(tensors + shakes, 0, 255).astype(np.uint8)
    swapped = [tensors[..., ::-1]] if tensors.shape[-1] == 3 else []
    wrong = np.stack([*swapped, tensors // 2, tensors // 255])
    ways: NDArray[np.uint8] = np.concatenate([shaken, wrong]).reshape(-1, *tensors.shape[1:])
    return ways


def steadiest(
    runs: Sequence[NDArray[np.generic]], probed: NDArray[np.generic], top: Outputs, count: int = COUNT
) -> tuple[Integers, int]:
    """The candidates to take, and the tolerance in quantization steps.

    ``runs`` holds each runtime's raw outputs, (n, size), ``probed`` the first one's of :func:`probes`, (ways × n,
    size); a step of float32 is 1/256. ``top`` is the best score of each, (n,). Taken are those that together tell
    every wrong way of feeding best, out of the surely judged ones on which all runtimes name the same class.
    """
    values = np.stack([_steps(run) for run in runs])
    ways = _steps(probed).reshape(-1, *values[0].shape)
    apart = np.abs(ways - values[0]).max(axis=2)
    allowed = np.maximum(MIN_TOLERANCE, 2 * np.maximum(apart[:SHAKES].max(axis=0), _spread(values)))

    def tells(group: Sequence[int]) -> float:
        least = apart[SHAKES:, group].max(axis=1).min()
        return min(TELLING, float(least / allowed[list(group)].max()))

    same = np.flatnonzero((values.argmax(axis=2) == values[0].argmax(axis=1)).all(axis=0))
    surest = same[np.argsort(top[same] < SURE, kind="stable")]
    pool = surest[: max(count, int((top[same] >= SURE).sum()))]
    if not len(pool):
        return pool, MIN_TOLERANCE
    chosen = np.array(max(combinations(pool.tolist(), min(count, len(pool))), key=tells))
    return chosen, int(np.ceil(allowed[chosen].max()))


def _steps(outputs: NDArray[np.generic]) -> NDArray[np.float64]:
    return outputs.astype(np.float64) * (FLOAT_STEPS if outputs.dtype == np.float32 else 1)


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest distance of the runtimes from the first, for each candidate. ``values``: (runtimes, n, size)."""
    return np.asarray(np.abs(values - values[0]).max(axis=(0, 2)))
