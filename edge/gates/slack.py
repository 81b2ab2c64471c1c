"""Slack: how long before the gate the decisions came."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

EDGES_MS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
"""Bucket i holds ``EDGES_MS[i - 1] <= slack < EDGES_MS[i]``; the first is everything below 0 (too late)."""


class Slack(NamedTuple):
    """A copy of the histogram."""

    counts: tuple[int, ...]
    """One more than EDGES_MS."""
    min_ms: float
    """The smallest so far; 0 when there was none."""

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def late(self) -> int:
        """Decisions that came when the part was past the gate."""
        return self.counts[0]

    def at_least_ms(self, share: float) -> int:
        """A slack that this share of the decisions had or exceeded: lower edge of the bucket. 0 when there was none,
        and for late ones."""
        allowed = (1.0 - share) * self.total
        below = 0
        for index, count in enumerate(self.counts):
            below += count
            if below > allowed:
                return EDGES_MS[index - 1] if index else 0
        return 0


class SlackHistogram:
    """One thread adds, others may read. Milliseconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(EDGES_MS) + 1)
        self._min_ms: float | None = None

    def add(self, slack_ms: float) -> None:
        """``slack_ms`` is the time left until the part is at the gate; negative when it has passed."""
        self._counts[bisect_right(EDGES_MS, slack_ms)] += 1
        if self._min_ms is None or slack_ms < self._min_ms:
            self._min_ms = slack_ms

    def snapshot(self) -> Slack:
        return Slack(tuple(self._counts), self._min_ms or 0.0)
