"""Draws one cookie with chocolate chips, seen from above, with the lamp at the upper left."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference.frames.frame import Image
from edge.sim import defects
from edge.sim.streams import Use, stream
from edge.sim.surface import Surface, blob, crumbs
from edge.sim.texture import Plane, Planes, crop, fractal

PATCH_MM = 38.0
"""Half the side of the square that a cookie and its crumbs are drawn into."""

_RIM_STEPS = 256
# Degree of baking → blue, green, red: dough, golden, brown, dark brown, charred.
_BAKED = np.array([0.0, 0.3, 0.5, 0.7, 0.86, 1.0])
_COLOURS = np.array([[168, 212, 236], [104, 172, 226], [66, 132, 200], [40, 86, 146], [26, 46, 78], [20, 26, 34]])
_CHOCOLATE = (34.0, 46.0, 72.0)
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_TOWARDS_LAMP = np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]], np.float32) / 6  # slope to the upper left


@dataclass(frozen=True, slots=True)
class Cookie:
    colour: Planes
    """P×P×3 float32, 0 to 255."""
    cover: Plane
    """P×P float32: 1 where the cookie hides the belt."""
    shadow: Plane
    """P×P float32: share of the light that does not reach the belt."""


class Bakery:
    """Draws the cookies of one seed at one scale; each part looks the same whenever it is drawn."""

    def __init__(self, seed: int, px_per_mm: float) -> None:
        self.seed, self.px_per_mm = seed, px_per_mm
        half = int(np.ceil(PATCH_MM * px_per_mm))
        y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
        self._distance = np.hypot(x, y) / np.float32(px_per_mm)
        self._direction = ((np.arctan2(y, x) / (2 * np.pi) % 1) * _RIM_STEPS).astype(np.uint8)
        rng = stream(seed, Use.DOUGH)
        side = 2 * len(x)
        self._mottle = fractal(rng, side, side, {9 * px_per_mm: 1, 4 * px_per_mm: 0.8, 1.6 * px_per_mm: 0.5})
        self._grain = fractal(rng, side, side, {2.2 * px_per_mm: 1, px_per_mm: 0.8, 0.5 * px_per_mm: 0.6})
        self._chocolate = np.full((*x.shape, 3), _CHOCOLATE, np.float32)

    def draw(self, part: int, label: str) -> Cookie:
        surface = self._dough(stream(self.seed, Use.SHAPE, part))
        if label != "missing_topping":
            _chips(surface, stream(self.seed, Use.TOPPING, part))
        rng = stream(self.seed, Use.DEFECT, part)
        if label == "cracked":
            defects.crack(surface, rng)
        elif label == "burnt":
            defects.burn(surface, rng, self._crop(self._mottle, rng))
        elif label == "broken":
            defects.break_off(surface, rng)
        return self._lit(surface)

    def _dough(self, rng: np.random.Generator) -> Surface:
        """A whole cookie without topping: size, outline, tone and texture vary from part to part."""
        radius = rng.uniform(26.5, 31.5)
        reach = self._distance / (radius * _outline(rng)).astype(np.float32)[self._direction]
        mottle, grain = self._crop(self._mottle, rng), self._crop(self._grain, rng)
        rim = np.clip(reach * 3 - 2, 0, 1)
        bake = np.float32(0.34 + 0.04 * rng.standard_normal()) + 0.05 * mottle + 0.02 * grain
        bake += np.float32(rng.uniform(0.16, 0.26)) * rim * rim
        height = 5 - 5 * np.square(np.square(reach)) + 0.25 * mottle + 0.16 * grain
        cover = np.clip((1 - reach) * np.float32(radius * self.px_per_mm) + 0.5, 0, 1)
        surface = Surface(self.px_per_mm, radius, reach, bake, height, cover, np.zeros_like(cover))
        crumbs(surface, rng, int(rng.integers(0, 3)), rng.uniform(0, 6.3), 1.0)
        return surface

    def _lit(self, surface: Surface) -> Cookie:
        """Colour from the baking and the topping, times light and shade from the slopes."""
        bake = (np.clip(surface.bake, 0, 1) * np.float32(255)).astype(np.uint8)
        dough = cv2.applyColorMap(bake, _PALETTE).astype(np.float32)
        colour = cv2.blendLinear(dough, self._chocolate, 1 - surface.chocolate, surface.chocolate)
        slope = cv2.filter2D(surface.height, -1, _TOWARDS_LAMP * np.float32(self.px_per_mm))
        shade = np.clip(1 + np.float32(0.22) * slope, 0.5, 1.4)
        glint = surface.chocolate * np.clip(slope - np.float32(0.7), 0, 1) * np.float32(70)
        lit = cv2.add(cv2.multiply(colour, cv2.merge([shade] * 3)), cv2.merge([glint] * 3))
        return Cookie(np.asarray(lit, np.float32), surface.cover, self._shadow(surface))

    def _shadow(self, surface: Surface) -> Plane:
        """The cookie's cover, blurred and moved away from the lamp."""
        blurred = surface.soften(surface.cover, 1.3) * np.float32(0.5)
        away = max(1, round(1.4 * self.px_per_mm))
        moved = np.zeros_like(blurred)
        moved[away:, away:] = blurred[:-away, :-away]
        return moved

    def _crop(self, noise: Plane, rng: np.random.Generator) -> Plane:
        return crop(noise, rng, *self._distance.shape)


def _outline(rng: np.random.Generator) -> NDArray[np.float64]:
    """_RIM_STEPS factors of the mean radius: a circle plus harmonics that fade with their order."""
    orders = np.arange(2, 26)
    sizes = 0.035 / orders**1.1 * rng.standard_normal(len(orders))
    angles = np.outer(np.arange(_RIM_STEPS) * (2 * np.pi / _RIM_STEPS), orders)
    return np.asarray(1 + np.cos(angles + rng.uniform(0, 2 * np.pi, len(orders))) @ sizes)


def _chips(surface: Surface, rng: np.random.Generator) -> None:
    """5 to 12 chips, spread as in a sunflower (Vogel, 1979) and then shaken."""
    count = int(rng.integers(5, 13))
    order = np.arange(count)
    distance = 0.84 * surface.radius * np.sqrt((order + 0.5) / count)
    turn = order * _GOLDEN_ANGLE + rng.uniform(0, 2 * np.pi)
    x = distance * np.cos(turn) + rng.normal(0, 1.3, count)
    y = distance * np.sin(turn) + rng.normal(0, 1.3, count)
    sizes = rng.uniform(2.3, 4.0, count)
    chips = surface.mask(blob(rng, *spot) for spot in zip(x, y, sizes, strict=True))
    surface.chocolate = chips
    surface.height += surface.soften(chips, 0.7) * np.float32(1.8)
    surface.bake += (surface.soften(chips, 1.2) - chips) * np.float32(0.12)


def _palette() -> Image:
    """256×1×3 uint8: the colour of each degree of baking."""
    steps = np.linspace(0, 1, 256)
    bands = [np.interp(steps, _BAKED, _COLOURS[:, band]) for band in range(3)]
    return np.asarray(np.round(np.stack(bands, axis=-1)), np.uint8)[:, None, :]


_PALETTE = _palette()
