"""The alerting of a monitor: looks at its store every few seconds, and hands on what people are to be told."""

from __future__ import annotations

import time

from edge.monitor.alerting.book import AlertBook, Notice
from edge.monitor.alerting.changes import AlertChanges
from edge.monitor.alerting.rules import Rules
from edge.monitor.alerting.symptoms import Symptoms
from edge.monitor.alerting.watchers import (
    BufferWatcher,
    CameraWatcher,
    DriftWatcher,
    DropsWatcher,
    GateWatcher,
    QuietWatcher,
    RollbackWatcher,
)
from edge.monitor.store.store import Store
from edge.protocol.messages import MAY_BE_OPEN

LOOK_S = 10.0
REPLAYED_NS = 1800 * 10**9
"""Time before the start that is looked at again, so that a restart forgets no drift that is under way."""
MAX_DEVICES = 1_000_000


class Alerting:
    """Used by the thread that fills the store, or by any other. It is the only one of its store."""

    def __init__(self, store: Store, rules: Rules, now_ns: int | None = None) -> None:
        """``now_ns`` is the wall clock, for tests."""
        begin_ns = time.time_ns() if now_ns is None else now_ns
        self._store, self._reader = store, store.reader()
        self._news = AlertChanges(store.engine, begin_ns - REPLAYED_NS)
        self._drift, self._quiet = DriftWatcher(rules.drift), QuietWatcher(rules.quiet)
        self._drops, self._buffer = DropsWatcher(rules.drops), BufferWatcher(rules.buffer)
        self._rollback, self._camera = RollbackWatcher(rules.rollback), CameraWatcher(rules.camera)
        self._gate = GateWatcher(rules.gate)
        self._book = AlertBook(rules, store.put_alert, self._reader.alerts(open_only=True, limit=MAX_DEVICES))
        self._next_s = time.monotonic()

    def look_if_due(self) -> list[Notice]:
        """Looks like :meth:`look`, every LOOK_S seconds; does nothing in between."""
        if time.monotonic() < self._next_s:
            return []
        self._next_s = time.monotonic() + LOOK_S
        return self.look(time.time_ns())

    def look(self, now_ns: int) -> list[Notice]:
        """Notices of what is new since the last look. Raises StateError when the store cannot be used."""
        self._book.refresh(self._reader.alerts(open_only=True, limit=MAX_DEVICES))
        return self._book.update(self._symptoms(now_ns), now_ns)

    def _symptoms(self, now_ns: int) -> Symptoms:
        rows, _ = self._reader.fleet(limit=MAX_DEVICES)
        devices = {row.device: row for row in rows}
        return {
            **self._drift.look(self._news.windows(), devices),
            **self._quiet.look(devices, now_ns),
            **self._drops.look(devices, now_ns),
            **self._buffer.look(devices, now_ns),
            **self._rollback.look(self._news.outcomes(), devices, now_ns),
            **self._camera.look([e for e in self._news.events() if e.fault != MAY_BE_OPEN], devices, now_ns),
            **self._gate.look(self._news.open_gates(), devices, now_ns),
        }
