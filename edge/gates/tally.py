"""Counts of the judgements by what became of them; the sums always hold."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from edge.inference.judgement import Judgement

SUMS = ("rejected", "passed", "fired", "missed")
"""Counters of every gate."""
_MISSED = "missed_"


class GateTally:
    """Any thread counts, any thread reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def judged(self, judgement: Judgement) -> None:
        self.add("rejected" if judgement.decision.reject else "passed")

    def fired(self) -> None:
        self.add("fired")

    def missed(self, reason: str, count: int = 1) -> None:
        """``reason`` is one word."""
        with self._lock:
            self._counts["missed"] += count
            self._counts[_MISSED + reason] += count

    def add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self._counts[name] += count

    @property
    def open(self) -> int:
        """Rejected parts of which nothing is known yet."""
        with self._lock:
            return self._counts["rejected"] - self._counts["fired"] - self._counts["missed"]

    def counters(self) -> dict[str, int]:
        """A copy; the four that every gate has are always there."""
        with self._lock:
            return dict.fromkeys(SUMS, 0) | dict(self._counts)


def tally_parts(counters: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """A gate's counters apart: :data:`SUMS`, the missed by their reason, and what else its kind counts."""
    reasons = {name.removeprefix(_MISSED): count for name, count in counters.items() if name.startswith(_MISSED)}
    others = {name: count for name, count in counters.items() if name not in SUMS and not name.startswith(_MISSED)}
    return {name: counters.get(name, 0) for name in SUMS}, reasons, others
