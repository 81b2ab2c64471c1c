"""Tells systemd that the line judges: ready with the first turns of every decision loop, alive only while all of them
go on turning.

Proof of progress is a stamp that each decision loop writes with every frame, and while it waits for one. A camera
that is away is no hang; a loop that is stuck in a model, in the gate or in its stage is one, and so is a thread that
is gone. Nothing else feeds the watchdog.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.core.guard import GuardedThread
from edge.device.service.notify import notify, watchdog_s

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""At most so long between two looks at the stamps."""
FIRST_LOOK_S = 0.05
"""Until the line is ready: what starts after this service should not wait a second for it."""
STATUS_S = 10.0


class Loop(Protocol):
    """A decision loop, such as ``edge.device.pipeline.Pipeline``."""

    @property
    def progress_ns(self) -> int:
        """Monotonic time of its latest turn; 0 before the first."""

    @property
    def ended(self) -> bool:
        """Its source came to its end, or it was told to stop."""


class Watchdog:
    """A thread that looks at ``loops``. ``status`` is asked now and then for a line that ``systemctl status`` shows.

    Without systemd it does not start. Use it as a context manager; at its end it says ``STOPPING=1``.
    """

    def __init__(self, loops: Sequence[Loop], status: Callable[[], str]) -> None:
        self._loops, self._status = loops, status
        self._seen = [loop.progress_ns for loop in loops]
        self._ready = False
        self._next_status = 0.0
        within_s = watchdog_s()
        self._look_s = LOOK_S if within_s is None else min(LOOK_S, within_s / 4)
        self._leaving = threading.Event()
        self._thread = GuardedThread(self._run, "watchdog")

    def __enter__(self) -> Watchdog:
        if notify(STATUS="starting"):
            _say_where_it_hung()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join()
        notify(STOPPING=1, STATUS="flushing what is left")

    def look(self) -> bool:
        """Pings when every loop that has not ended has turned since the last ping; whether it did."""
        stamps = [loop.progress_ns for loop in self._loops]
        for loop, stamp, seen in zip(self._loops, stamps, self._seen, strict=True):
            if stamp == seen and not loop.ended:
                return False
        self._seen = stamps
        if self._ready:
            notify(WATCHDOG=1)
        else:
            self._ready = True
            notify(READY=1, WATCHDOG=1)
        return True

    def _run(self) -> None:
        while not self._leaving.wait(self._look_s if self._ready else FIRST_LOOK_S):
            self.look()
            if self._ready and time.monotonic() >= self._next_status:
                self._next_status = time.monotonic() + STATUS_S
                self._tell()

    def _tell(self) -> None:
        try:
            notify(STATUS=self._status())
        except Exception:
            log.exception("no status for systemd; the line goes on")


def _say_where_it_hung() -> None:
    """systemd ends a hung service with SIGABRT: the journal then has the stack of every thread."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        faulthandler.enable(sys.stderr)
