"""A cookie in the making: maps of baking, height and cover that defects and toppings change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.sim.texture import Plane

_SUBPIXEL_BITS = 4

Points = NDArray[np.float64]
"""N×2: x and y in mm from the cookie's centre."""


@dataclass(slots=True)
class Surface:
    """All maps are P×P float32; the cookie's centre is the middle pixel."""

    px_per_mm: float
    radius: float
    """Mean radius, mm."""
    reach: Plane
    """Distance from the centre as a fraction of the rim's distance in that direction."""
    bake: Plane
    """Degree of baking: 0 is raw, 1 is charcoal."""
    height: Plane
    """Above the belt, about mm."""
    cover: Plane
    """1 where there is cookie, 0 where there is none."""
    chocolate: Plane
    """1 where a chip is on top."""

    def mask(self, shapes: Iterable[Points]) -> Plane:
        """P×P float32: 1 inside of the closed shapes, with smooth edges."""
        drawn = np.zeros(self.cover.shape, np.uint8)
        for points in shapes:
            cv2.fillPoly(drawn, [self._fixed(points)], (255,), cv2.LINE_AA, _SUBPIXEL_BITS)
        return drawn.astype(np.float32) / np.float32(255)

    def soften(self, mask: Plane, sigma_mm: float) -> Plane:
        """A blurred copy."""
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma_mm * self.px_per_mm), np.float32)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        pixels = points * self.px_per_mm + self.cover.shape[0] // 2
        return np.asarray(np.round(pixels * 2**_SUBPIXEL_BITS), np.int32)


def blob(rng: np.random.Generator, x: float, y: float, radius: float, corners: int = 9) -> Points:
    """An irregular roundish shape, mm."""
    angles = np.arange(corners) * (2 * np.pi / corners) + rng.uniform(0, 6.3)
    radii = radius * rng.uniform(0.75, 1.15, corners)
    return np.column_stack([x + radii * np.cos(angles), y + radii * np.sin(angles)])


def crumbs(surface: Surface, rng: np.random.Generator, count: int, direction: float, spread: float) -> None:
    """Lays crumbs on the belt beside the rim, within ``spread`` radians of ``direction``."""
    angles = direction + spread * rng.uniform(-1, 1, count)
    reaches = surface.radius * rng.uniform(0.75, 1.18, count)
    sizes = rng.uniform(0.35, 1.3, count)
    spots = zip(reaches * np.cos(angles), reaches * np.sin(angles), sizes, strict=True)
    mask = surface.mask(blob(rng, x, y, size, 6) for x, y, size in spots)
    loose = mask * (1 - surface.cover)
    surface.cover = np.maximum(surface.cover, mask)
    surface.bake += loose * (np.float32(0.3) - surface.bake)
    surface.height += loose * np.float32(0.8)
