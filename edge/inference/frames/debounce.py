"""A fault that begins once it has been seen for a while, and ends once it has been gone for a while."""

from __future__ import annotations


class Debounce:
    """Moments are monotonic nanoseconds; so that a flicker is none, both ends take their time.

    It begins after ``begin_ns`` and at least ``begin_count`` observations in a row, and ends after ``end_ns``.
    """

    def __init__(self, begin_ns: int, end_ns: int, begin_count: int = 1) -> None:
        self.on = False
        self.since_ns = 0
        """When the present or latest spell began."""
        self._begin_ns, self._end_ns = begin_ns, end_ns
        self._begin_count = begin_count
        self._other_since_ns = 0
        self._others = 0

    def see(self, holds: bool, now_ns: int) -> bool:
        """Whether this observation begins or ends the spell; ``on`` says which."""
        if holds is self.on:
            self._others = 0
            return False
        if self._others == 0:
            self._other_since_ns = now_ns
        self._others += 1
        if not self._lasted(now_ns - self._other_since_ns):
            return False
        self.on, self._others = holds, 0
        if holds:
            self.since_ns = self._other_since_ns
        return True

    def _lasted(self, for_ns: int) -> bool:
        if self.on:
            return for_ns >= self._end_ns
        return for_ns >= self._begin_ns and self._others >= self._begin_count
