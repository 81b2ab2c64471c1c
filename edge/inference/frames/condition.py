"""Measures of a camera's condition from one small picture. Cheap: some ten microseconds at 96×96, a hundred at
224×224."""

from __future__ import annotations

import cv2
import numpy as np

from edge.inference.frames.frame import Image

CLIPPED = 250
"""Luma from which a pixel counts as clipped."""
MIN_CONTRAST = 24
"""Grey levels that an edge must have before its sharpness says anything; noise has less."""
MIN_SIZE = 64
"""Pixels, of the smaller side, below which a picture is too coarse to show blur."""
_TOP = 0.995
_NEAR, _WIDE = np.ones((3, 3), np.uint8), np.ones((9, 9), np.uint8)


def luma(small: Image) -> Image:
    """H×W uint8 of H×W×3 uint8 BGR (ITU-R BT.601)."""
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def share_below(grey: Image, level: int) -> float:
    """Share of pixels darker than ``level``, 0 to 1."""
    return 1.0 - share_from(grey, level)


def share_from(grey: Image, level: int) -> float:
    """Share of pixels of ``level`` or lighter, 0 to 1."""
    return cv2.countNonZero(cv2.threshold(grey, level - 1, 1, cv2.THRESH_BINARY)[1]) / grey.size


def edge_sharpness(grey: Image) -> float | None:
    """Steepness of the strongest edges: 1 for a step from one pixel to the next, 0.35 for a blur of four pixels.

    The range of values within 3×3 pixels against that within 9×9, each by its 99.5th percentile. A share, so neither
    the contrast nor the content counts for much, and taken where edges are strongest, so noise does not either; after
    the measure of edge width by P. Marziliano et al., ICIP 2002. None where there is no edge to measure.
    """
    if min(grey.shape) < MIN_SIZE:
        return None
    wide = _top(_range(grey, _WIDE))
    return _top(_range(grey, _NEAR)) / wide if wide >= MIN_CONTRAST else None


def fingerprint(small: Image) -> tuple[float, ...]:
    """Numbers that are the same for the same picture, and hardly ever for two that differ by noise."""
    return (*cv2.sumElems(small)[:3], cv2.norm(small, cv2.NORM_L2SQR))


def _range(grey: Image, place: Image) -> Image:
    return np.asarray(cv2.subtract(cv2.dilate(grey, place), cv2.erode(grey, place)), np.uint8)


def _top(values: Image) -> int:
    counts = cv2.calcHist([values], [0], None, [256], [0, 256]).ravel().cumsum()
    return int(np.searchsorted(counts, _TOP * counts[-1]))
