"""Finds what lies on the belt in one frame."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.inference.frames.frame import Image
from edge.inference.frames.opencv import cv2
from edge.inference.parts.calibration import SPREAD_STEPS, Calibration, shrink
from edge.inference.parts.lighting import Gains, Lighting
from edge.inference.parts.options import PartsOptions
from edge.inference.parts.splitting import PartBox, split

Boxes = NDArray[np.float32]
"""n×4: left, top, right, bottom in pixels of the working picture; right and bottom are exclusive."""

_SPREADS = 4.5
_MIN_GAIN = 0.6
_STEADY = 0.008  # gains that moved less than this leave the bounds as they are
_AROUND = np.ones((3, 3), np.uint8)
_OPEN = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


class Finder:
    """One instance serves one thread and one camera.

    A pixel belongs to a part when one of its colours leaves the band of what the belt shows there; the band follows
    the lamp (:class:`~edge.inference.parts.lighting.Lighting`). Outlines too small or too large are passed over.
    """

    def __init__(self, calibration: Calibration, options: PartsOptions) -> None:
        self.calibration = calibration
        self.height, self.width = calibration.background.shape[:2]
        self.mask: NDArray[np.uint8] = np.zeros((self.height, self.width), np.uint8)
        """After :meth:`find`: 255 where a part is."""
        self._areas = (options.smallest * self.mask.size, options.largest * self.mask.size)
        side = 2 * math.ceil(options.bridge * self.width / calibration.region.w / 2) + 1
        self._bridge = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        self._splitting = options.split
        self.small: Image = np.empty_like(calibration.background)
        """After :meth:`find`: the region at working size."""
        self._soft: Image = np.empty_like(calibration.background)
        band = np.maximum(np.float32(options.contrast), calibration.spread * np.float32(_SPREADS / SPREAD_STEPS))
        # A shaking camera or belt moves edges by about a pixel: each pixel may look like those beside it.
        self._darkest = cv2.erode(calibration.background, _AROUND).astype(np.float32)
        self._brightest = cv2.dilate(calibration.background, _AROUND).astype(np.float32)
        self._band = band.astype(np.float32)
        self._lighting = Lighting(calibration.background)
        self._gains: Gains = np.zeros(3, np.float32)
        self._low: Image = np.empty_like(calibration.background)
        self._high: Image = np.empty_like(calibration.background)

    def find(self, image: Image) -> Boxes:
        """All parts in a full frame. Raises SourceError when it has another size than the calibration's."""
        expected = (self.calibration.height, self.calibration.width, 3)
        if image.shape != expected:
            raise SourceError(
                f"frame of {image.shape[1]}×{image.shape[0]} pixels; the parts were calibrated with "
                f"{expected[1]}×{expected[0]}: calibrate again"
            )
        shrink(image, self.calibration.region, self.small)
        cv2.blur(self.small, (3, 3), dst=self._soft)
        self._follow(self._lighting.update(self._soft))
        cv2.bitwise_not(cv2.inRange(self._soft, self._low, self._high), dst=self.mask)
        cv2.morphologyEx(self.mask, cv2.MORPH_OPEN, _OPEN, dst=self.mask)
        cv2.morphologyEx(self.mask, cv2.MORPH_CLOSE, self._bridge, dst=self.mask, borderType=cv2.BORDER_REPLICATE)
        return self._outlined()

    def _follow(self, gains: Gains) -> None:
        if np.abs(gains - self._gains).max() < _STEADY:
            return
        self._gains = gains.copy()
        # Less light leaves less contrast, but the sensor's noise stays.
        band = self._band * np.maximum(gains, _MIN_GAIN)
        cv2.subtract(self._darkest * gains, band, dst=self._low, dtype=cv2.CV_8U)  # which also clips
        cv2.add(self._brightest * gains, band, dst=self._high, dtype=cv2.CV_8U)

    def _outlined(self) -> Boxes:
        contours = cv2.findContours(self.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        found: list[PartBox] = []
        for contour in contours:
            if self._areas[0] <= cv2.contourArea(cast(Any, contour)) <= self._areas[1]:
                found += split(contour) if self._splitting else [cast(PartBox, cv2.boundingRect(contour))]
        boxes = np.array(found, np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return boxes
