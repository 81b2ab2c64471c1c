"""Boxes, and cutting them out of a picture."""

from __future__ import annotations

from typing import NamedTuple, cast

from edge.inference.frames.frame import Image
from edge.inference.frames.opencv import cv2


class Box(NamedTuple):
    """A rectangle in pixels of the full frame; it may reach beyond the frame."""

    x: int
    y: int
    w: int
    h: int

    def grown(self, margin: float) -> Box:
        """Larger on each side by ``margin`` times the longer side."""
        more = round(margin * max(self.w, self.h))
        return Box(self.x - more, self.y - more, self.w + 2 * more, self.h + 2 * more)

    def squared(self) -> Box:
        """The smallest square around it with the same centre, for models that must not see parts stretched."""
        side = max(self.w, self.h)
        return Box(self.x - (side - self.w) // 2, self.y - (side - self.h) // 2, side, side)

    def within(self, width: int, height: int) -> bool:
        """Whether all of it lies in a frame of that size."""
        return self.x >= 0 and self.y >= 0 and self.x + self.w <= width and self.y + self.h <= height


def crop(image: Image, box: Box, margin: float = 0.0, out: Image | None = None) -> Image:
    """h×w×3 uint8: what ``box``, grown by ``margin``, shows.

    A view where the box lies within the picture; else a copy, padded by the picture's outermost pixels, so
    that no black bar appears that the model never saw. The copy is made in ``out`` if that is given and has the right
    size. Raises ValueError for a box that is empty or does not meet the picture at all.
    """
    box = box.grown(margin)
    height, width = image.shape[:2]
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.w, width), min(box.y + box.h, height)
    if left >= right or top >= bottom:
        raise ValueError(f"crop: {box} does not meet a picture of {width}×{height} pixels")
    seen = image[top:bottom, left:right]
    if box.within(width, height):
        return seen
    pads = (top - box.y, box.y + box.h - bottom, left - box.x, box.x + box.w - right)
    if out is not None and out.shape != (box.h, box.w, image.shape[2]):
        out = None
    return cast(Image, cv2.copyMakeBorder(seen, *pads, cv2.BORDER_REPLICATE, dst=out))
