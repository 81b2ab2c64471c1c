"""Backoff: the wait before the next attempt to connect."""

from __future__ import annotations

import random

STABLE_S = 5.0
"""A connection that lasted so long was a good one."""


class Backoff:
    """Exponential from ``min_s`` to ``max_s``, each delay shortened by up to a half at random.

    The randomness keeps a fleet that lost its broker at one moment from coming back at one moment. A connection
    that ends at once does not count as a success: two devices that share a name, and so throw each other out, slow
    down too.
    """

    def __init__(self, min_s: float = 0.2, max_s: float = 30.0) -> None:
        self._min_s, self._max_s = min_s, max_s
        self._failures = 0

    def after(self, lasted_s: float) -> float:
        """Seconds to wait after a connection that lasted so long; 0 for an attempt that failed."""
        self._failures = 1 if lasted_s >= STABLE_S else self._failures + 1
        delay = min(self._max_s, self._min_s * 2.0 ** min(self._failures - 1, 32))
        return delay * random.uniform(0.5, 1.0)
