"""Threads that cannot die unnoticed: one guard for those of the daemon and of the monitor.

An exception that leaves a thread's work is logged with its traceback, noted for health, and answered: ``rescue`` is
called (an output is driven off, a camera counts as lost), then the work begins anew after a pause that doubles.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
STEADY_S = 60.0
"""Work that went on for so long begins anew with the first pause; a death is told as a problem for so long."""


class Death(NamedTuple):
    """The last death of the threads of one name."""

    at_s: float
    """Monotonic clock."""
    deaths: int
    """Deaths in a row, each within STEADY_S of the one before."""
    reason: str


class Deaths:
    """Deaths of threads, by the threads' names. Any thread may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[str, Death] = {}

    def note(self, name: str, error: BaseException) -> int:
        """Notes a death; returns how many there were in a row."""
        now_s = self._clock()
        with self._lock:
            before = self._last.get(name)
            count = before.deaths + 1 if before is not None and now_s - before.at_s < STEADY_S else 1
            self._last[name] = Death(now_s, count, reason(error))
        return count

    def problems(self) -> tuple[str, ...]:
        """One line for each name under which a thread died within the last STEADY_S."""
        now_s = self._clock()
        with self._lock:
            recent = [(name, death) for name, death in self._last.items() if now_s - death.at_s < STEADY_S]
        return tuple(
            f"thread {name}: died {death.deaths} times, last of {death.reason}; the log has the traceback"
            for name, death in recent
        )


DEATHS = Deaths()
"""Those of this process."""


class GuardedThread(threading.Thread):
    """A daemon thread whose ``work`` begins anew when it raises; it ends when ``work`` returns.

    ``rescue`` is called after each death, with what was raised. With ``again`` off the thread ends then: for work
    whose ``rescue`` ends the line, or that something else begins anew.
    """

    def __init__(
        self,
        work: Callable[..., object],
        name: str,
        *,
        args: tuple[Any, ...] = (),
        rescue: Callable[[BaseException], object] | None = None,
        again: bool = True,
        deaths: Deaths = DEATHS,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work, self._arguments, self._rescue = work, args, rescue
        self._begins_again, self._deaths, self._sleep = again, deaths, sleep

    def run(self) -> None:
        """Works until the work returns. Catches BaseException: SystemExit ends a thread as silently as an error."""
        while True:
            try:
                self._work(*self._arguments)
            except BaseException as error:
                count = self._note(error)
            else:
                return
            if not self._begins_again:
                return
            self._sleep(min(FIRST_PAUSE_S * 2.0 ** min(count - 1, 16), LONGEST_PAUSE_S))

    def _note(self, error: BaseException) -> int:
        count = self._deaths.note(self.name, error)
        fate = "it begins anew" if self._begins_again else "it has ended"
        log.critical("thread %s died of %s; %s", self.name, reason(error), fate, exc_info=error)
        if self._rescue is not None:
            try:
                self._rescue(error)
            except Exception:
                log.exception("thread %s: its rescue failed", self.name)
        return count


def watch_all_threads(deaths: Deaths = DEATHS) -> None:
    """Notes the deaths of threads that others began (libraries', a custom source's), beside the traceback."""

    def noted(death: threading.ExceptHookArgs) -> None:
        name = death.thread.name if death.thread is not None else "unknown"
        error = death.exc_value if death.exc_value is not None else death.exc_type()
        deaths.note(name, error)
        log.critical("thread %s died of %s", name, reason(error), exc_info=error)

    threading.excepthook = noted


def reason(error: BaseException) -> str:
    """The exception's kind and words, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
