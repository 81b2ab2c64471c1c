"""The store as tables: one row a device, a tested column of a window, a health message, an event, an alert."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from edge.core.tabular import Table, columns_of
from edge.monitor.queries.reading import EventRow, Filter, FleetRow, HealthPoint, Reader, StatisticsSpan

PAGE = 2000
MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """Devices and time of an export; times are wall clock, nanoseconds."""

    where: Filter = field(default_factory=Filter)
    since_ns: int = 0
    until_ns: int = (1 << 63) - 1


class ColumnRow(NamedTuple):
    """One tested column of one drift window."""

    time: str
    """UTC, ISO 8601: end of the window."""
    device: str
    camera: str
    model: str
    version: int
    boot_id: str
    seq: int
    start_ns: int
    end_ns: int
    parts: int
    column: str
    test: str
    statistic: float | None
    p_value: float | None
    threshold: float
    drifted: bool


class AlertRow(NamedTuple):
    id: int
    kind: str
    severity: str
    feature: str
    devices: str
    """A JSON list."""
    opened: str
    closed: str
    acknowledged: str
    text: str


def table(reader: Reader, name: str, asked: ExportQuery) -> Table:
    """One of TABLES. Rows are read while they are written, a device at a time."""
    columns, rows = TABLES[name]
    return Table(columns, rows(reader, asked))


def _devices(reader: Reader, asked: ExportQuery) -> Iterator[tuple[Any, ...]]:
    for row in _fleet(reader, asked):
        yield tuple(getattr(row, name) for name in DEVICES)


def _windows(reader: Reader, asked: ExportQuery) -> Iterator[tuple[Any, ...]]:
    """Page by page, the newest page first; ordered by time within a page."""
    span = StatisticsSpan(since_ns=asked.since_ns, until_ns=asked.until_ns)
    for row in _fleet(reader, asked):
        before: tuple[int, int] | None = None
        while windows := reader.windows(row.device, span, limit=PAGE, before=before):
            before = (windows[0].start_ns, windows[0].seq)
            for w in windows:
                place = (w.device, w.camera, w.model, w.version, w.boot_id, w.seq, w.start_ns, w.end_ns, w.count)
                for c in w.columns:
                    test = (c.name, c.test, c.statistic, c.p_value, c.threshold, c.drifted)
                    yield ColumnRow(_iso(w.end_ns), *place, *test)


def _health(reader: Reader, asked: ExportQuery) -> Iterator[tuple[Any, ...]]:
    for row in _fleet(reader, asked):
        for point in reader.health(row.device, asked.since_ns, asked.until_ns, points=MOST):
            yield (row.device, *(getattr(point, name) for name in HEALTH))


def _events(reader: Reader, asked: ExportQuery) -> Iterator[tuple[Any, ...]]:
    for row in _fleet(reader, asked):
        for event in reversed(reader.events(row.device, limit=MOST)):
            if asked.since_ns <= event.received_ns < asked.until_ns:
                yield tuple(getattr(event, name) for name in EVENTS)


def _alerts(reader: Reader, asked: ExportQuery) -> Iterator[tuple[Any, ...]]:
    for a in reversed(reader.alerts(limit=MOST)):
        if asked.since_ns <= a.opened_ns < asked.until_ns:
            closed = "" if a.closed_ns is None else _iso(a.closed_ns)
            devices = json.dumps(a.devices, ensure_ascii=False)
            what = (a.id, a.kind, a.severity, a.feature, devices)
            yield AlertRow(*what, _iso(a.opened_ns), closed, a.acknowledged, a.text)


def _fleet(reader: Reader, asked: ExportQuery) -> list[FleetRow]:
    return reader.fleet(asked.where, "device", limit=MOST)[0]


RowQuery = Callable[[Reader, ExportQuery], Iterator[tuple[Any, ...]]]
DEVICES, HEALTH, EVENTS = columns_of(FleetRow), columns_of(HealthPoint), columns_of(EventRow)
TABLES: dict[str, tuple[dict[str, type], RowQuery]] = {
    "devices": (DEVICES, _devices),
    "windows": (columns_of(ColumnRow), _windows),
    "health": ({"device": str, **HEALTH}, _health),
    "events": (EVENTS, _events),
    "alerts": (columns_of(AlertRow), _alerts),
}


def _iso(wall_ns: int) -> str:
    try:
        return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return ""
