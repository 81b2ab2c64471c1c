"""Settings of the gate: ``[gate]`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

GateAction = Literal["pass", "reject"]
"""Action of the gate on a part that nobody decided on."""


@dataclass(frozen=True, slots=True)
class GateConfig:
    uri: str = "none"
    """"none", "sim://", "serial://...", "gpio://..." or "modbus://..."; see 'Gates'."""
    distance: int = field(default=0, metadata={"min": 0, "max": 1_000_000})
    """Encoder ticks from the photo-eye to the gate."""
    pulse: int = field(default=10, metadata={"min": 1, "max": 65_535})
    """Ticks that the gate stays open."""
    late: GateAction = "pass"
    """Action on a part whose decision did not come in time: "pass" or "reject"."""
    failsafe: GateAction = "pass"
    """Action on parts while the controller does not hear from this device: "pass" or "reject"."""
    tolerance_ms: float = field(default=20.0, metadata={"min": 0.1, "max": 10_000.0})
    """A frame belongs to the part that passed the photo-eye at most so long before or after."""
    delay_ms: float = field(default=0.0, metadata={"min": -10_000.0, "max": 10_000.0})
    """The frame is usually taken so long after the part reached the photo-eye."""
    eye_gap: int = field(default=5, metadata={"min": 0, "max": 65_535})
    """Ticks within which a second edge of the photo-eye is a bounce."""
    eye_blocked: int = field(default=0, metadata={"min": 0, "max": 65_535})
    """Ticks after which a dark photo-eye is a fault; 0: never."""
    silence_ms: int = field(default=1000, metadata={"min": 0, "max": 65_535})
    """Time without a tick after which an open gate is closed, and the encoder at fault; 0: never."""
    feedback_ms: int = field(default=0, metadata={"min": 0, "max": 65_535})
    """Time that the gate's feedback input may take to follow; 0: there is none."""
