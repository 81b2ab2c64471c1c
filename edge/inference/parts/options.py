"""Settings of the table ``[parts]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edge.errors import ConfigError

Judging = Literal["once", "vote"]
Direction = Literal["auto", "right", "left", "down", "up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsOptions:
    """Settings of parts, built from a table by :func:`edge.core.structs.build`. Raises ConfigError."""

    judging: Judging = "once"
    """``once``: where the part is nearest to the centre line; ``vote``: whenever it is whole, and the mean counts."""
    direction: Direction = "auto"
    """In which the belt moves through the picture; ``auto`` also understands belts that run askew."""
    speed: float = field(default=0.0, metadata={"min": 0, "max": 100_000})
    """Pixels of the full frame from one frame to the next; 0 is found out. Needed, with ``direction``, where parts
    move further than half the distance between them."""
    smallest: float = field(default=0.01, metadata={"min": 0, "max": 1})
    """Least area of a part, as a share of the region: crumbs and dirt are smaller, parts larger."""
    largest: float = field(default=0.6, metadata={"min": 0, "max": 1})
    contrast: float = field(default=16.0, metadata={"min": 1, "max": 255})
    """Grey levels, in one colour at least, by which a part differs from the belt. More than that of halos and shadows
    keeps parts that almost touch apart."""
    bridge: float = field(default=4.0, metadata={"min": 0, "max": 200})
    """Gaps in a part up to so many pixels of the full frame are closed: cracks, stripes that look like the belt."""
    split: bool = True
    """Tell parts that touch apart by their shape."""

    def __post_init__(self) -> None:
        if self.speed and self.direction == "auto":
            raise ConfigError("parts.speed: a given speed needs parts.direction: right, left, down or up")
        if self.smallest >= self.largest:
            raise ConfigError(f"parts.smallest: expected less than parts.largest ({self.largest:g})")
