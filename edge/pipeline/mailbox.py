"""Hands frames from the capture thread to the decision loop."""

from __future__ import annotations

import threading
from collections import deque

from edge.choices import Policy
from edge.frames.frame import Frame

Numbered = tuple[int, Frame]


class Mailbox:
    """``latest`` holds one frame, ``every`` two, which keeps within the memory that sources reuse."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._room = 1 if policy == "latest" else 2
        self._waiting: deque[Numbered] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Numbered) -> int:
        """Returns how many frames this one pushed out, 0 or 1. ``every`` waits for room instead, unless closed."""
        with self._changed:
            if self._policy == "every":
                self._changed.wait_for(lambda: len(self._waiting) < self._room or self._closed)
            pushed = len(self._waiting) >= self._room and not self._closed
            if pushed:
                self._waiting.popleft()
            self._waiting.append(item)
            self._changed.notify_all()
            return int(pushed)

    def take(self, timeout_s: float) -> Numbered | None:
        """The oldest frame; None after the time-out, or at once when the box is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if not self._waiting:
                return None
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
