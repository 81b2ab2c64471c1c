"""Random surfaces that are drawn once and then only cropped: dough, the belt, the sensor's noise."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference.frames.frame import Image

Plane = NDArray[np.float32]
"""H×W float32."""
Planes = NDArray[np.float32]
"""H×W×3 float32, blue, green, red."""

_BELT_COLOUR = (122, 108, 92)


def fractal(rng: np.random.Generator, height: int, width: int, octaves: Mapping[float, float]) -> Plane:
    """Smooth noise, mean 0 and standard deviation 1. ``octaves``: size of a grain in pixels → its weight."""
    total = np.zeros((height, width), np.float32)
    for grain, weight in octaves.items():
        rows, columns = max(2, round(height / grain)), max(2, round(width / grain))
        coarse = rng.standard_normal((rows, columns), np.float32)
        total += np.float32(weight) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((total - total.mean()) / total.std(), np.float32)


def crop(surface: NDArray[np.float32], rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A view of a random part of a larger surface."""
    top = int(rng.integers(surface.shape[0] - height + 1))
    left = int(rng.integers(surface.shape[1] - width + 1))
    return surface[top : top + height, left : left + width]


def belt(rng: np.random.Generator, height: int, length: int, px_per_mm: float) -> Image:
    """height×length×3 uint8: a woven conveyor belt with wear along it and flour on it; its ends join."""
    weave = _weave(height, length, px_per_mm)
    wear = fractal(rng, height, 2, {4 * px_per_mm: 1, px_per_mm: 0.7})[:, :1]
    grain = fractal(rng, height, length, {max(1.0, 0.4 * px_per_mm): 1})
    stains = fractal(rng, height, length, {14 * px_per_mm: 1, 5 * px_per_mm: 0.6})
    level = 1 + 0.035 * weave + 0.03 * wear + 0.03 * grain + 0.03 * _joined(stains)
    tile = np.array(_BELT_COLOUR, np.float32) * level[..., None]
    tile += _flour(rng, height, length, px_per_mm)[..., None]
    return np.asarray(np.clip(tile, 0, 255), np.uint8)


def light_field(height: int, width: int) -> Planes:
    """height×width×3: the lamp stands at the upper left, and the lens darkens the corners (mean about 1)."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    field = 1.06 - 0.05 * x - 0.06 * y - 0.08 * (x * x + y * y)
    return np.repeat(field[..., None], 3, axis=2).astype(np.float32)


def _weave(height: int, length: int, px_per_mm: float) -> Plane:
    y, x = np.mgrid[:height, :length].astype(np.float32)
    threads = 2 * np.pi / length * max(1, round(length / (1.6 * px_per_mm)))  # a whole number, so the ends join
    return np.asarray(np.sin(threads * x) * np.sin(y * (2 * np.pi / (1.6 * px_per_mm))), np.float32)


def _joined(surface: Plane) -> Plane:
    """Fades the end into what comes before the beginning, so that the tile repeats without a seam."""
    fade = surface.shape[1] // 4
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    joined = surface.copy()
    joined[:, -fade:] = surface[:, -fade:] * (1 - ramp) + surface[:, :fade][:, ::-1] * ramp
    return joined


def _flour(rng: np.random.Generator, height: int, length: int, px_per_mm: float) -> Plane:
    specks = np.zeros((height, length), np.float32)
    for _ in range(round(height * length / (px_per_mm * 9) ** 2)):
        centre = (int(rng.integers(length)), int(rng.integers(height)))
        radius = max(1, round(rng.uniform(0.15, 0.5) * px_per_mm))
        cv2.circle(specks, centre, radius, (rng.uniform(8, 26),), -1, cv2.LINE_AA)
    return specks
