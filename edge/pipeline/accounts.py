"""Where every frame went: ``captured == decided + sum(dropped.values())`` once the line has stopped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Reason = Literal["overrun", "unreadable", "failed", "shutdown"]
"""overrun: a newer frame came before the model was free; unreadable: not a picture; failed: the runtime refused;
shutdown: the line stopped before the frame's turn."""


@dataclass(slots=True)
class Accounts:
    """Each figure is written by one thread only: ``captured`` and ``overrun`` by capture, the rest by decision."""

    captured: int = 0
    decided: int = 0
    dropped: Counter[Reason] = field(default_factory=Counter)

    @property
    def balanced(self) -> bool:
        return self.captured == self.decided + sum(self.dropped.values())
