"""From a frame of any size to the model's size, by the model's own rule."""

from __future__ import annotations

import cv2
import numpy as np

from edge.core.choices import Interpolation, Resize
from edge.inference.frames.frame import Image

_NATIVE = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR, "mipmap": cv2.INTER_LINEAR}


class Resizer:
    """Callable; one instance serves one thread and keeps its intermediate pictures.

    ``stretch`` ignores the aspect ratio, ``crop`` takes the largest central part of the right aspect, ``letterbox``
    keeps all of the picture between black bars. ``mipmap`` halves by means of 2×2 while the picture is at least twice
    too large, then interpolates (Williams, "Pyramidal Parametrics", 1983): within about one grey level of ``area``,
    which averages exactly, in a sixth of its time.
    """

    def __init__(self, height: int, width: int, resize: Resize, interpolation: Interpolation) -> None:
        self._height, self._width = height, width
        self._rule, self._mipmap = resize, interpolation == "mipmap"
        self._native = _NATIVE[interpolation]
        self._halves: dict[tuple[int, int], Image] = {}

    def __call__(self, image: Image, out: Image) -> None:
        """``image`` is H×W×3 uint8, ``out`` height×width×3 uint8, written whole."""
        if self._rule == "letterbox":
            out[:] = 0
            out = self._inner(image, out)
        elif self._rule == "crop":
            image = _central_crop(image, self._width / self._height)
        height, width = out.shape[:2]
        if self._mipmap:
            image = self._halved(image, height, width)
        if out.flags.c_contiguous:
            cv2.resize(image, (width, height), dst=out, interpolation=self._native)
        else:
            out[:] = cv2.resize(image, (width, height), interpolation=self._native)

    def _inner(self, image: Image, out: Image) -> Image:
        height, width = image.shape[:2]
        ratio = min(self._width / width, self._height / height)
        inner_width, inner_height = max(1, round(width * ratio)), max(1, round(height * ratio))
        left, top = (self._width - inner_width) // 2, (self._height - inner_height) // 2
        return out[top : top + inner_height, left : left + inner_width]

    def _halved(self, image: Image, height: int, width: int) -> Image:
        while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
            # OpenCV's mean is fast where the sizes are even, as those of cameras are, and right everywhere.
            rows, columns = image.shape[0] // 2, image.shape[1] // 2
            half = self._halves.get((rows, columns))
            if half is None:
                half = self._halves[rows, columns] = np.empty((rows, columns, 3), np.uint8)
            cv2.resize(image, (columns, rows), dst=half, interpolation=cv2.INTER_AREA)
            image = half
        return image


def _central_crop(image: Image, aspect: float) -> Image:
    height, width = image.shape[:2]
    crop_width = min(width, max(1, round(height * aspect)))
    crop_height = min(height, max(1, round(width / aspect)))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return image[top : top + crop_height, left : left + crop_width]
