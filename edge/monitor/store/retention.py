"""Forgetting, a little at a time between two looks at the broker: no step keeps the intake waiting for a second.

Statistics are not forgotten with their windows: they are added up to hours, later to days, exactly, so what gets lost
is only when within the hour. What was forgotten stays known by its number, so a message that comes again is not new.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.monitor.database import Engine
from edge.monitor.queries.panes import Panes
from edge.monitor.store.rolling import DAY_NS, HOUR_NS, roll_panes, roll_windows
from edge.monitor.store.thinning import SPAN_NS, thin_health
from edge.monitor.store.tombstones import remember

ROWS = 500
"""Rows of one table in one step."""
RECORDS = 5000
PAUSE_S = 30.0
"""When there was nothing to do."""
SHARE, BUSY_SHARE = 0.5, 0.2
"""Share of the time, at most, while there is; the latter while the intake takes as many messages at once as it may.
"""


@dataclass(frozen=True, slots=True)
class Keep:
    """Seconds; None is for ever."""

    predictions: float | None = 30 * 86400
    windows: float | None = 90 * 86400
    """Verdicts; and how long their numbers are told from new ones one by one."""
    statistics: float | None = 2 * 86400
    """Seconds that statistics of each window are kept by themselves; then of each hour."""
    hours: float | None = 30 * 86400
    """Statistics of each hour; then of each day."""
    days: float | None = 400 * 86400
    health: float | None = 2 * 86400
    """Each message; then a mean of ten minutes."""
    trends: float | None = 400 * 86400
    """Those means."""
    events: float | None = 400 * 86400
    """And requests for labels."""


class Retention:
    """Call :meth:`work` often; it does nothing most of the time. For the thread that writes the store."""

    def __init__(self, engine: Engine, keep: Keep | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self.keep, self._clock = engine, keep or Keep(), clock
        self._panes = Panes(engine)
        self._next = 0.0

    def work(self, *, busy: bool = False) -> bool:
        """One step of each kind if it is time for it; whether anything was done. Raises StateError.

        ``busy``: the intake does not keep up, and needs the time more.
        """
        began = self._clock()
        if began < self._next:
            return False
        done = self.step(time.time_ns())
        took = self._clock() - began
        share = BUSY_SHARE if busy else SHARE
        self._next = self._clock() + (took * (1 / share - 1) if done else PAUSE_S)
        return done

    def step(self, now_ns: int) -> bool:
        """Takes a step as of a given time; returns whether there may be more to do. Each kind in a transaction of its
        own."""
        keep, done = self.keep, False
        for limit, act in (
            (keep.statistics, lambda engine, before: roll_windows(engine, self._panes, before)),
            (keep.hours, lambda engine, before: roll_panes(engine, self._panes, before, HOUR_NS, DAY_NS)),
            (keep.days, lambda engine, before: _forget_panes(engine, before)),
            (keep.health, thin_health),
            (keep.trends, lambda engine, before: _forget(engine, "health", before, f"AND covers_ns = {SPAN_NS}")),
            (keep.windows, lambda engine, before: _forget(engine, "drift", before)),
            (keep.windows, lambda engine, before: _forget(engine, "stats", before, "AND rolled IN (0, 1, 2, 3)")),
            (keep.events, lambda engine, before: _forget(engine, "event", before)),
            (keep.events, lambda engine, before: _forget(engine, "audit", before)),
            (keep.predictions, _forget_records),
        ):
            done |= self._act(limit, act, now_ns)
        return done

    def _act(self, limit_s: float | None, act: Callable[[Engine, int], int], now_ns: int) -> bool:
        if limit_s is None:
            return False
        with self._engine.transaction():
            return act(self._engine, now_ns - int(limit_s * 1e9)) > 0


def _forget(engine: Engine, table: str, before_ns: int, condition: str = "") -> int:
    rows = engine.query(
        f"SELECT boot, seq FROM {table} WHERE received_ns < ? {condition} ORDER BY received_ns LIMIT ?",
        (before_ns, ROWS),
    )
    engine.executemany(f"DELETE FROM {table} WHERE boot = ? AND seq = ?", rows)
    remember(engine, table, rows)
    return len(rows)


def _forget_panes(engine: Engine, before_ns: int) -> int:
    oldest = "SELECT start_ns, device FROM pane WHERE span_ns = ? AND start_ns < ? ORDER BY start_ns LIMIT ?"
    rows = engine.query(oldest, (DAY_NS, before_ns - DAY_NS, ROWS))
    engine.executemany(f"DELETE FROM pane WHERE span_ns = {DAY_NS} AND start_ns = ? AND device = ?", rows)
    return len(rows)


def _forget_records(engine: Engine, before_ns: int) -> int:
    """Run by run, and of a long one its first records."""
    rows = engine.query(
        "SELECT boot, seq, last_seq FROM batch WHERE received_ns < ? ORDER BY received_ns, boot, seq LIMIT ?",
        (before_ns, ROWS),
    )
    room = RECORDS
    for boot, seq, last in rows:
        end = min(last, seq + room - 1)
        room -= engine.execute("DELETE FROM record WHERE boot = ? AND seq >= ? AND seq <= ?", (boot, seq, end))
        engine.execute("DELETE FROM batch WHERE boot = ? AND seq = ?", (boot, seq))
        remember(engine, "record", [(boot, end)])
        if end < last:
            rest = (boot, end + 1, last, before_ns - 1)
            engine.insert_new("batch", ("boot", "seq", "last_seq", "received_ns"), [rest])
        if room <= 0:
            break
    return len(rows)
