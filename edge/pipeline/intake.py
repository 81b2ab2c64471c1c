"""From the decision loop to the back office: never a wait, never a lock, bounded, every loss counted."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from edge.decide import Decision, Scores
from edge.frames.frame import Image
from edge.record import Record

MAX_RECORDS = 100_000
MAX_PICTURES = 64
"""Judged parts that wait with their small picture; beyond it the record alone is kept."""


class Judged(NamedTuple):
    record: Record
    scores: Scores
    picture: Image | None
    """The resized picture, a copy, for the drift features."""


class Intake:
    """One thread puts, one thread takes; both ends of a deque are atomic."""

    def __init__(self) -> None:
        self._waiting: deque[Judged] = deque()
        self.lost = 0
        """Records that found no room: the back office has stood still for very long."""
        self.without_picture = 0
        """Records whose picture found no room, and which drift therefore did not see."""

    def put(self, record: Record, decision: Decision, picture: Image) -> None:
        """``picture`` is copied."""
        waiting = len(self._waiting)
        if waiting >= MAX_RECORDS:
            self.lost += 1
            return
        kept = picture.copy() if waiting < MAX_PICTURES else None
        self.without_picture += kept is None
        self._waiting.append(Judged(record, decision.scores, kept))

    def take(self) -> Judged | None:
        """The oldest, or None."""
        return self._waiting.popleft() if self._waiting else None

    @property
    def crowded(self) -> bool:
        """A source that can wait should wait now."""
        return len(self._waiting) >= MAX_PICTURES
