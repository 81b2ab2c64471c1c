"""Scene that the camera sees when the belt has travelled so far: belt, cookies, rails, lamp, lens and sensor."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from edge.inference.frames.frame import Image
from edge.sim import texture
from edge.sim.belt import Belt
from edge.sim.cookie import PATCH_MM, Bakery, Cookie
from edge.sim.options import Conditions
from edge.sim.streams import Use, stream
from edge.sim.texture import Planes

VIEW_MM = (120.0, 90.0)
"""At least this much of the belt is in view, along and across."""

_BELT_LENGTH_MM = 300.0
_RAIL_MM = 5.0
_LENS_SIGMA = 0.002  # sharpness of the lens, as a share of the picture's width
_MARGIN = 96  # the sensor's noise is cropped from a sheet that much larger


class Scene:
    """Renders pictures of one size of one seed's belt. A cookie is drawn once while it stays in view."""

    def __init__(self, seed: int, width: int, height: int) -> None:
        self.seed, self.width, self.height = seed, width, height
        self.px_per_mm = min(width / VIEW_MM[0], height / VIEW_MM[1])
        self.bakery = Bakery(seed, self.px_per_mm)
        rng = stream(seed, Use.BELT)
        self._length = max(2, round(_BELT_LENGTH_MM * self.px_per_mm))
        tile = texture.belt(rng, height, self._length, self.px_per_mm)
        repeats = -(-width // self._length) + 1
        self._belt = np.tile(tile, (1, repeats, 1))
        self._lamp = texture.light_field(height, width)
        self._rail = _rail(rng, max(1, round(_RAIL_MM * self.px_per_mm)), width)
        self._noise = rng.standard_normal((height + _MARGIN, width + _MARGIN, 3), np.float32)
        self._in_view: dict[tuple[int, str], Cookie] = {}

    def half_view_mm(self) -> float:
        """From the centre of the picture to its left or right border."""
        return self.width / 2 / self.px_per_mm

    def render(self, belt: Belt, frame: int, travel_mm: float, label: Callable[[int], str], now: Conditions) -> Image:
        """height×width×3 uint8 BGR. ``label`` tells what is the matter with each part in view."""
        offset = round(-travel_mm * self.px_per_mm) % self._length
        canvas = self._belt[:, offset : offset + self.width].astype(np.float32)
        reach = self.half_view_mm() + PATCH_MM
        before, in_view = self._in_view, {}
        for part in belt.parts_between(travel_mm - reach, travel_mm + reach):
            along, across = belt.place(part)
            x = round(self.width / 2 + (travel_mm - along) * self.px_per_mm)
            y = round(self.height / 2 + across * self.px_per_mm)
            key = (part, label(part))
            in_view[key] = cookie = before.get(key) or self.bakery.draw(*key)
            _lay(canvas, cookie, x, y)
        self._in_view = in_view
        canvas[: len(self._rail)] = self._rail
        canvas[-len(self._rail) :] = self._rail[::-1]
        return self._expose(canvas, frame, now)

    def _expose(self, canvas: Planes, frame: int, now: Conditions) -> Image:
        """Lamp and colour cast, then the lens, then the sensor, which clips at 0 and 255."""
        rng = stream(self.seed, Use.SENSOR, frame)
        flicker = 1 + 0.012 * float(rng.uniform(-1, 1))
        seen = cv2.multiply(canvas, self._lamp, scale=now.light * flicker)
        if now.cast != (1.0, 1.0, 1.0):
            seen = seen * np.array(now.cast, np.float32)
        sigma = float(np.hypot(now.blur, _LENS_SIGMA * self.width))
        seen = cv2.GaussianBlur(seen, (0, 0), sigma)
        noise = texture.crop(self._noise, rng, self.height, self.width)
        return np.asarray(cv2.addWeighted(seen, 1, noise, now.noise, 0, dtype=cv2.CV_8U), np.uint8)


def _lay(canvas: Planes, cookie: Cookie, x: int, y: int) -> None:
    """Lays a cookie and its shadow on the belt, as far as it is in view."""
    half = cookie.cover.shape[0] // 2
    top, left = max(0, y - half), max(0, x - half)
    bottom, right = min(canvas.shape[0], y + half + 1), min(canvas.shape[1], x + half + 1)
    if top >= bottom or left >= right:
        return
    own = np.s_[top - y + half : bottom - y + half, left - x + half : right - x + half]
    shadow, cover = cookie.shadow[own], cookie.cover[own]
    below = cv2.multiply(canvas[top:bottom, left:right], cv2.merge([1 - shadow] * 3))
    canvas[top:bottom, left:right] = cv2.blendLinear(cookie.colour[own], below, cover, 1 - cover)


def _rail(rng: np.random.Generator, height: int, width: int) -> Planes:
    """height×width×3: brushed steel, its inner edge in shadow."""
    profile = np.interp(np.linspace(0, 1, height), [0, 0.5, 0.8, 1], [150, 185, 130, 60])
    brushed = texture.fractal(rng, height, 2, {1: 1})[:, :1] * 4
    return np.repeat((profile[:, None] + brushed)[..., None], 3, axis=2).astype(np.float32).repeat(width, axis=1)
