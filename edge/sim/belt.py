"""The belt: where each part lies, in millimetres, and what an encoder on its axle counts.

Positions grow in the direction from which parts come: the part at ``x`` is under the camera's centre once the
belt has travelled ``x``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.sim.streams import Use, stream

PITCH_MM = 110.0
"""From one part to the next, on average."""
TICKS_PER_MM = 10
_ALONG_MM = 4.0
_ACROSS_MM = 3.5


@dataclass(frozen=True, slots=True)
class Belt:
    seed: int
    speed: float
    """Millimetres per second."""

    def travelled(self, seconds: float) -> float:
        """Millimetres since the start."""
        return self.speed * seconds

    def place(self, part: int) -> tuple[float, float]:
        """The part's centre in mm: along the belt, and across it from the middle."""
        along, across = stream(self.seed, Use.PLACE, part).uniform(-1, 1, 2)
        return part * PITCH_MM + _ALONG_MM * float(along), _ACROSS_MM * float(across)

    def parts_between(self, first_mm: float, last_mm: float) -> range:
        """All parts whose centres may lie there (one too many at an end is possible)."""
        first = math.ceil((first_mm - _ALONG_MM) / PITCH_MM)
        last = math.floor((last_mm + _ALONG_MM) / PITCH_MM)
        return range(max(0, first), max(0, last + 1))

    def nearest(self, travel_mm: float) -> int:
        """The part nearest to the camera's centre."""
        return max(0, round(travel_mm / PITCH_MM))

    def ticks(self, travel_mm: float) -> int:
        """Ticks that the encoder has counted."""
        return math.floor(travel_mm * TICKS_PER_MM)
