"""The range of each activation: not all that calibration saw, but what costs least to round.

A few far values stretch the range and coarsen every step. Narrower, those few are clipped and all others gain. The
range taken is the one with the least mean cubed error: squares clip too much where a large value is what a class
is recognized by, fourth powers hardly clip. Compare R. Banner et al., "Post training 4-bit quantization of
convolutional networks for rapid-deployment", NeurIPS 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.flatbuffer.flat import Flat, TensorProbe
from converter.progress import Progress

PICTURES = 60
VALUES = 2000
"""Looked at of each tensor and picture."""
POWER = 3.0
_SHARES = np.linspace(1.0, 0.4, 31)


def narrow(calibrated: bytes, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """The float flatbuffer with narrower ranges; ``pixels`` (n, height, width, channels) show the values."""
    flat = Flat(calibrated)
    if not flat.simple:
        return calibrated
    tensors = [one.output for one in flat.operators if flat.range(one.output) is not None]
    samples = _samples(flat, tensors, pixels[:PICTURES], progress)
    for tensor, values in zip(tensors, samples, strict=True):
        seen = flat.range(tensor)
        assert seen is not None
        low, high = min(seen[0], 0.0), max(seen[1], 0.0)
        if high > low:
            share = _SHARES[int(np.argmin([_cost(values, low * one, high * one) for one in _SHARES]))]
            flat.set_range(tensor, low * share, high * share)
    return flat.to_bytes()


def _samples(
    flat: Flat, tensors: list[int], pixels: NDArray[np.uint8], progress: Progress
) -> list[NDArray[np.float32]]:
    probe = TensorProbe(flat, tensors)
    rng = np.random.default_rng(0)
    kept: list[list[NDArray[Any]]] = [[] for _ in tensors]
    for picture in progress.count(pixels, len(pixels), "measured"):
        for sample, values in zip(kept, probe(picture), strict=True):
            row = values.reshape(-1)
            sample.append(row if row.size <= VALUES else row[rng.integers(0, row.size, VALUES)])
    return [np.concatenate(sample) for sample in kept]


def _cost(values: NDArray[np.float32], low: float, high: float) -> float:
    step = (high - low) / 255
    rounded = np.clip(np.round(values / step), np.round(low / step), np.round(high / step)) * step
    return float((np.abs(rounded - values) ** POWER).mean())
