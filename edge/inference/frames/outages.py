"""The book of a camera's losses: how often, why, since when; each is said once."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.inference.frames.events import CameraEvent

log = logging.getLogger(__name__)

_KEPT = 256
_APART_NS = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Outage:
    """Why a camera was lost, and when on both clocks (``time.monotonic_ns``, ``time.time_ns``)."""

    reason: str
    lost_ns: int
    wall_ns: int


class Outages:
    """A loss begins when a camera that delivered fails, and ends with its next frame; tries in between are none.

    Each loss and its end are logged as one line each; of a camera that comes and goes more often than every ten
    seconds only the first such pair is, and the next one says how many were passed over.
    """

    def __init__(self, name: str = "camera", clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.count = 0
        self.last: Outage | None = None
        self.away = False
        self._name, self._clock = name, clock
        self._events: deque[CameraEvent] = deque(maxlen=_KEPT)
        self._said_ns: int | None = None
        self._says = False
        self._passed_over = 0

    def begin(self, reason: str) -> None:
        """The camera failed. A repetition while it is away changes nothing."""
        if self.away:
            return
        now = self._clock()
        self.away = True
        self.count += 1
        self.last = Outage(reason, now, time.time_ns())
        self._events.append(CameraEvent("lost", True, now, now, reason))
        self._says = self._said_ns is None or now - self._said_ns >= _APART_NS
        if not self._says:
            self._passed_over += 1
            return
        more = f" ({self._passed_over} more losses since the last one said)" if self._passed_over else ""
        self._said_ns, self._passed_over = now, 0
        log.warning("%s lost: %s; tried again until it is back%s", self._name, reason, more)

    def end(self) -> None:
        """A frame came."""
        if not self.away or self.last is None:
            return
        self.away = False
        event = CameraEvent("lost", False, self.last.lost_ns, self._clock(), f"back after {self._lasted_s():.1f} s")
        self._events.append(event)
        if self._says:
            log.info("%s is %s", self._name, event.detail)

    def take(self) -> list[CameraEvent]:
        """Takes what began and ended since the last call, oldest first. Any thread may call it."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def _lasted_s(self) -> float:
        return (self._clock() - self.last.lost_ns) / 1e9 if self.last else 0.0
