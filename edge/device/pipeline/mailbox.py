"""Hands frames from the capture thread to the decision loop, and decides which are dropped when it is late."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.choices import Policy
from edge.device.pipeline.accounts import Reason, no_drops
from edge.inference.frames.frame import Frame

Numbered = tuple[int, Frame]

ROOM = 2
"""Frames that wait at most: with the one that is judged and the one that is captured, as many as sources keep."""


@dataclass(frozen=True, slots=True)
class MailboxPolicy:
    """``latest``: a newer frame replaces the one that waits. ``every``: the source waits for room, ``wait_s`` at the
    most, then the oldest is dropped. ``adaptive``: two may wait, so that a hiccup costs nothing; a frame that could
    not be decided within ``deadline_s`` of its capture any more gives way to the one behind it.
    """

    policy: Policy
    wait_s: float | None = None
    """None waits as long as it takes."""
    deadline_s: float = 0.1


class Mailbox:
    """One thread puts, one thread takes, anybody closes. ``dropped`` is written under the lock."""

    def __init__(self, waiting: MailboxPolicy, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.dropped: Counter[Reason] = no_drops()
        self.service_ns = 0
        """Time that a decision takes, as the loop has seen it; what ``adaptive`` reckons with."""
        self._how = waiting
        self._room = 1 if waiting.policy == "latest" else ROOM
        self._clock_ns = clock_ns
        self._waiting: deque[Numbered] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Numbered) -> None:
        """Adds the newest frame; what has to go for it is counted in ``dropped``."""
        with self._changed:
            if self._how.policy == "every":
                self._changed.wait_for(self._has_room, self._how.wait_s)
            if len(self._waiting) >= self._room and not self._closed:
                self._waiting.popleft()
                self.dropped["overrun"] += 1
            self._waiting.append(item)
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Numbered | None:
        """The frame to be judged next; None after the time-out, or at once when the box is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if not self._waiting:
                return None
            if self._how.policy == "adaptive":
                self._let_the_late_go()
            item = self._waiting.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Closed and empty."""
        return self._closed and not self._waiting

    def _has_room(self) -> bool:
        return len(self._waiting) < self._room or self._closed

    def _let_the_late_go(self) -> None:
        """The last one stays whatever its age: a late decision is worth more than none."""
        done_ns = self._clock_ns() + self.service_ns
        limit_ns = int(self._how.deadline_s * 1e9)
        while len(self._waiting) > 1 and done_ns - self._waiting[0][1].captured_ns > limit_ns:
            self._waiting.popleft()
            self.dropped["late"] += 1
