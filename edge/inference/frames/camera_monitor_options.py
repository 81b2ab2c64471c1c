"""Options of the camera monitor: the table ``[camera]``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CameraMonitorOptions:
    """Limits beyond which a camera counts as ill. Zero turns a check off."""

    black_level: int = field(default=20, metadata={"min": 0, "max": 255})
    """A picture is black when 98% of it is darker than this (luma, 0 to 255)."""
    saturated_share: float = field(default=0.5, metadata={"min": 0.0, "max": 1.0})
    """A picture is saturated when more than this share of it is clipped (luma of 250 and more)."""
    frozen_s: float = field(default=10.0, metadata={"min": 0.0, "max": 86_400.0})
    """A camera is frozen when its pictures repeat for so many seconds. Sensor noise tells a still scene from a frozen
    one; a network camera may repeat a still scene until its next key frame, so stay above that interval."""
    blurred_below: float = field(default=0.7, metadata={"min": 0.0, "max": 1.0})
    """A camera is blurred when its sharpness falls below this share of the best it usually showed."""
    fault_s: float = field(default=2.0, metadata={"min": 0.0, "max": 3600.0})
    """A black or saturated picture is a fault once it has lasted so long, and any fault is over once it has been gone
    as long."""
