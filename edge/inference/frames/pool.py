"""Memory for pictures that is used again and again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from edge.inference.frames.frame import Image

MOST = 8
"""Arrays kept: those that wait for a late reader, wait for the model, are judged and are filled."""

_PROBE = [object()]
_FREE = sys.getrefcount(_PROBE[0])
"""Reference count that the interpreter gives an object that only a list holds, asked for as below."""


class Pool:
    """Hands out arrays for pictures, H×W×3 uint8, and takes them back by itself once nobody holds them any more.

    Whether an array is free the interpreter's own reference count says; a view of a picture (a crop) holds it, too.
    So no picture is overwritten that anybody still looks at, however slow the model is. One instance serves one
    thread; the arrays may go to any.
    """

    def __init__(self) -> None:
        self._arrays: list[Image] = []
        self._next = 0

    def take(self, height: int, width: int) -> Image:
        """An array of that size with unspecified content; a new one only while all others are in use."""
        if self._arrays and self._arrays[0].shape[:2] != (height, width):
            self._arrays.clear()
        for _ in range(len(self._arrays)):
            self._next = (self._next + 1) % len(self._arrays)
            if sys.getrefcount(self._arrays[self._next]) == _FREE:
                return self._arrays[self._next]
        fresh: Image = np.empty((height, width, 3), np.uint8)
        if len(self._arrays) < MOST:
            self._arrays.append(fresh)
        return fresh

    def fill(self, read: Callable[[Any], tuple[bool, Any]]) -> Image | None:
        """The picture that ``read(array)`` writes into an array of the last picture's size.

        ``read`` is OpenCV's ``VideoCapture.read`` or ``retrieve``: it says whether there is a picture, and returns
        the array or, when the size is another one, a new array. None when there is no picture.
        """
        ok, image = read(self.take(*self._arrays[0].shape[:2]) if self._arrays else None)
        if not ok:
            return None
        if not self._arrays or self._arrays[0].shape != image.shape:
            self._arrays = [image]
        return cast(Image, image)
