"""A speed limit."""

from __future__ import annotations

import time
from collections.abc import Callable

_BURST_S = 0.05


class Pace:
    """So many things a second, a twentieth of a second's worth at once."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._clock = per_s, clock
        self._free_at = float("-inf")

    def set_rate(self, per_s: float) -> None:
        """Changes the limit. Any thread may call it."""
        self._per_s = per_s

    def rest_s(self) -> float:
        """Seconds until the next may go; 0 for now."""
        return max(0.0, self._free_at - self._clock() - _BURST_S)

    def spend(self, count: int) -> None:
        """So many go now."""
        self._free_at = max(self._free_at, self._clock()) + count / self._per_s
