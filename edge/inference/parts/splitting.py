"""Parts that touch, told apart by their shape."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from edge.inference.frames.opencv import cv2

PartBox = tuple[int, int, int, int]
"""x, y, width, height."""

_CORE = 0.62  # of the largest distance to the outline: a neck narrower than that separates
_NECK = 0.72  # half the width of the seam between two parts, against half of that of the narrower one
_MIN_SHARE = 0.25  # a piece smaller than this share of the largest is a bulge, not a part
_SOLID = 0.93  # two convex parts that touch fill less of their common hull

_AROUND = np.ones((3, 3), np.uint8)


def split(contour: Any) -> list[PartBox]:
    """The boxes (x, y, w, h) of the parts in one outline: several where it has necks, else its own.

    The distance to the outline has one peak per convex part; peaks that are joined only through a neck are
    grown back to the whole (a watershed of the distance; Vincent and Soille, 1991, in its simplest form).
    """
    own = cast(PartBox, cv2.boundingRect(contour))
    hull = cv2.contourArea(cv2.convexHull(contour))
    if hull == 0 or cv2.contourArea(contour) > _SOLID * hull:
        return [own]
    x, y, w, h = own
    mask = np.zeros((h + 2, w + 2), np.uint8)
    cv2.drawContours(mask, [contour], -1, (255,), cv2.FILLED, offset=(1 - x, 1 - y))
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    cores = (distance > _CORE * distance.max()).astype(np.uint8)
    if cv2.connectedComponents(cores)[0] <= 2:
        return [own]
    _, nearest = cv2.distanceTransformWithLabels(1 - cores, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP)
    nearest[mask == 0] = 0
    pieces = _pieces(nearest, distance)
    return [(px + x - 1, py + y - 1, pw, ph) for px, py, pw, ph in pieces] if len(pieces) > 1 else [own]


def _pieces(labels: Any, distance: Any) -> list[PartBox]:
    """The boxes of the labelled pieces; none if one meets the others over its full width, as a shaft its head."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    boxes: list[PartBox] = []
    for label in np.flatnonzero(areas > _MIN_SHARE * areas.max()):
        piece = (labels == label).astype(np.uint8)
        seam = (cv2.dilate(piece, _AROUND) > piece) & (labels > 0)
        if seam.any() and distance[seam].max() > _NECK * distance[piece > 0].max():
            return []
        boxes.append(cast(PartBox, cv2.boundingRect(piece)))
    return boxes
