"""Faults of a camera, and the moments at which they begin and end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

CameraFault = Literal["lost", "black", "saturated", "frozen", "blurred"]
"""lost: the camera is gone; black: nearly no light; saturated: much of the picture is clipped; frozen: the same
picture again and again; blurred: less sharp than this camera was (dirty lens, lost focus)."""
PICTURE_FAULTS: tuple[CameraFault, ...] = ("black", "saturated", "frozen", "blurred")


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """A fault that began, or one that is over. Both moments are on the monotonic clock."""

    fault: CameraFault
    begins: bool
    since_ns: int
    """When the fault began."""
    at_ns: int
    """When it was certain that it had begun, or that it was over."""
    detail: str
    """One line for people: what was seen, against what was expected."""

    @property
    def since_wall_ns(self) -> int:
        """``since_ns`` on the wall clock (``time.time_ns``), by the wall clock's present setting."""
        return time.time_ns() - (time.monotonic_ns() - self.since_ns)

    @property
    def lasted_s(self) -> float:
        """From the fault's beginning to this event, seconds."""
        return (self.at_ns - self.since_ns) / 1e9
