"""Rate limits: a token bucket for each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MAX_CALLERS = 10_000
"""Callers that are remembered; the one not seen for longest is forgotten first."""


class RequestLimit:
    """``rate`` a second on average, ``burst`` at once. Used by one thread."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """0.0 and one less for ``caller``, or for how long there is none left."""
        now = self._clock()
        left, seen = self._callers.pop(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - seen) * self._rate)
        allowed = left >= 1
        self._callers[caller] = (left - allowed, now)
        if len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
