"""Brightness of the lamp now, compared with the calibration, seen on the belt between the parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.inference.frames.frame import Image

Gains = NDArray[np.float32]
"""Shape (3,): of blue, green and red."""

_SAMPLES = 1200
_BINS = 96
_LOW, _HIGH = np.log(0.25), np.log(4.0)
_NEAR = 0.06  # belt pixels agree on the gain within this, as a logarithm
_LOYALTY = 1.5  # a new gain must explain so many times more pixels than the last one
_CLIPPED = 248
_LOG = np.log(np.arange(256) + 1).astype(np.float32)


class Lighting:
    """Follows the gain. A sudden change is taken over at once when more of the picture agrees with it."""

    def __init__(self, background: Image) -> None:
        pixels = background.shape[0] * background.shape[1]
        self._places = np.arange(0, pixels, max(1, pixels // _SAMPLES))
        self._usual = self._logs(background)
        self._last = 0.0
        self.gains: Gains = np.ones(3, np.float32)

    def update(self, image: Image) -> Gains:
        """The gains of this picture (same shape as the background)."""
        samples = image.reshape(-1, 3)[self._places]
        ratios = _LOG[samples] - self._usual
        grey = ratios.mean(axis=1)
        grey[samples.max(axis=1) >= _CLIPPED] = _HIGH
        mode = self._mode(grey)
        near_last, near_mode = np.abs(grey - self._last) < _NEAR, np.abs(grey - mode) < _NEAR
        belt = near_mode if near_mode.sum() > _LOYALTY * near_last.sum() else near_last
        if belt.any():
            self._last = float(np.median(grey[belt]))
            self.gains = np.exp(np.median(ratios[belt], axis=0)).astype(np.float32)
        return self.gains

    def _mode(self, grey: NDArray[np.float32]) -> float:
        places = ((grey - _LOW) * (_BINS / (_HIGH - _LOW))).astype(np.intp).clip(0, _BINS)
        counts = np.bincount(places, minlength=_BINS + 1)[:_BINS]
        pairs = counts[:-1] + counts[1:]  # a peak on the edge of two bins counts in both
        return float(_LOW + (pairs.argmax() + 1) * ((_HIGH - _LOW) / _BINS))

    def _logs(self, image: Image) -> NDArray[np.float32]:
        return np.asarray(_LOG[image.reshape(-1, 3)[self._places]], np.float32)
