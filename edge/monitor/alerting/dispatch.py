"""Sends notices, each sink in a thread of its own: one that hangs holds up neither the others nor the store."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Sequence

from edge.core.backoff import Backoff
from edge.core.guard import GuardedThread
from edge.core.ratelimit import RateLimitedLog
from edge.errors import EdgeError
from edge.monitor.alerting.book import Notice
from edge.monitor.alerting.sinks import AlertSink

log = logging.getLogger(__name__)

WAITING_MOST = 1000
"""Notices that wait for a sink; the oldest of more are given up, for alerts stay in the store."""
PATIENCE_S = 3600.0
"""So long a notice is tried again."""
GOODBYE_S = 5.0


class _Lane:
    """One sink and what waits for it."""

    def __init__(self, sink: AlertSink) -> None:
        self._sink = sink
        self._queue: queue.Queue[tuple[float, Notice]] = queue.Queue()
        self._stopping = threading.Event()
        self._seldom = RateLimitedLog(log)
        self.sent = 0
        self.given_up = 0
        self._thread = GuardedThread(self._run, "alerts")
        self._thread.start()

    def offer(self, notice: Notice) -> None:
        while self._queue.qsize() >= WAITING_MOST:
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
                self._queue.task_done()
                self.given_up += 1
        self._queue.put((time.monotonic(), notice))

    def close(self) -> None:
        until = time.monotonic() + GOODBYE_S
        while self._queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.02)
        self._stopping.set()
        self._thread.join(GOODBYE_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                offered_s, notice = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            self._deliver(offered_s, notice)
            self._queue.task_done()

    def _deliver(self, offered_s: float, notice: Notice) -> None:
        backoff = Backoff(min_s=1.0, max_s=60.0)
        while not self._stopping.is_set():
            try:
                self._sink.send(notice)
            except EdgeError as error:
                self._seldom.warning("refused", f"alert {notice.alert.id} is not told: {error}; trying again")
            except Exception:
                log.exception("alert %d is not told by %s", notice.alert.id, self._sink)
                break
            else:
                self.sent += 1
                return
            if time.monotonic() - offered_s > PATIENCE_S:
                break
            self._stopping.wait(backoff.after(0.0))
        self.given_up += 1


class Dispatcher:
    """For one thread."""

    def __init__(self, sinks: Sequence[AlertSink]) -> None:
        self._lanes = [_Lane(sink) for sink in sinks]

    @property
    def sent(self) -> int:
        return sum(lane.sent for lane in self._lanes)

    @property
    def given_up(self) -> int:
        return sum(lane.given_up for lane in self._lanes)

    def tell(self, notices: Sequence[Notice]) -> None:
        """Returns at once."""
        for notice in notices:
            log.warning("alert %d %s: %s", notice.alert.id, notice.what, notice.alert.text)
            for lane in self._lanes:
                lane.offer(notice)

    def close(self) -> None:
        """Waits for what is under way, GOODBYE_S seconds at most."""
        for lane in self._lanes:
            lane.close()
