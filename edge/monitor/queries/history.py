"""One device over time: windows, health, events; and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from edge.errors import MessageError
from edge.monitor.database import DatabaseRow, Engine, marks
from edge.monitor.queries.fleet import COLUMNS, fleet_row
from edge.monitor.queries.reading import (
    DeviceDetail,
    DriftWindow,
    EventRow,
    HealthPoint,
    SetAside,
    StatisticsSpan,
    WatchRow,
)
from edge.monitor.queries.verdicts import WATCH, Watch, columns_of
from edge.protocol.messages import Drift, EventMessage, Health, Message, decode

_MEANS = ("fps", "p50_us", "p99_us")
_LASTS = ("captured", "decided", "dropped", "pending", "buffer_bytes", "temperature_c", "rss_bytes", "cpu_share")


def detail(engine: Engine, name: str) -> DeviceDetail | None:
    rows = engine.query(f"SELECT {COLUMNS}, boot_id FROM device WHERE device = ?", (name,))
    if not rows:
        return None
    latest = {row[0]: row[1] for row in engine.query("SELECT kind, message FROM latest WHERE device = ?", (name,))}
    health = _decoded("health", latest["health"]) if "health" in latest else None
    slots = json.loads(latest["slots"]) if "slots" in latest else None
    return DeviceDetail(
        fleet_row(rows[0][:-1]),
        rows[0][-1],
        health if isinstance(health, Health) else None,
        slots if isinstance(slots, dict) else None,
        tuple(_watches(engine, name)),
    )


def windows(
    engine: Engine, device: str, span: StatisticsSpan, limit: int, before: tuple[int, int] | None
) -> list[DriftWindow]:
    """The newest ones, oldest first."""
    boots = boots_of(engine, [device])
    condition, values = _within(span)
    if before is not None:
        condition += " AND (start_ns < ? OR (start_ns = ? AND seq < ?))"
        values += [before[0], *before]
    rows = engine.query(
        f"SELECT boot, message FROM drift WHERE boot IN ({marks(len(boots)) or 'NULL'}) AND {condition} "
        "ORDER BY start_ns DESC, seq DESC LIMIT ?",
        (*boots, *values, limit),
    )
    found = [_window(boots[row[0]][1], message) for row in rows if (message := _decoded("drift", row[1]))]
    return [window for window in reversed(found) if window is not None]


def boots_of(engine: Engine, devices: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Device and boot id of each boot of theirs."""
    sql = f"SELECT id, device, boot_id FROM boot WHERE device IN ({marks(len(devices)) or 'NULL'})"
    return {row[0]: (row[1], row[2]) for row in engine.query(sql, devices)}


def health(engine: Engine, device: str, since_ns: int, until_ns: int, points: int) -> list[HealthPoint]:
    boots = boots_of(engine, [device])
    rows = engine.query(
        f"SELECT received_ns, {', '.join(_MEANS + _LASTS)} FROM health WHERE boot IN ({marks(len(boots)) or 'NULL'}) "
        "AND received_ns >= ? AND received_ns < ? ORDER BY received_ns",
        (*boots, since_ns, until_ns),
    )
    return [_point(group) for group in _stretches(rows, max(1, points))]


def events(engine: Engine, device: str | None, limit: int) -> list[EventRow]:
    condition, values = ("device = ?", [device]) if device is not None else ("1 = 1", [])
    rows = engine.query(
        "SELECT received_ns, message FROM event JOIN boot ON boot.id = event.boot "
        f"WHERE {condition} ORDER BY received_ns DESC, seq DESC LIMIT ?",
        (*values, limit),
    )
    found = [(row[0], _decoded("event", row[1])) for row in rows]
    return [_event(message, received_ns) for received_ns, message in found if isinstance(message, EventMessage)]


def set_aside(engine: Engine, device: str | None, limit: int) -> list[SetAside]:
    condition, values = ("device = ?", [device]) if device is not None else ("1 = 1", [])
    rows = engine.query(
        "SELECT device, topic, reason, payload, received_ns FROM set_aside "
        f"WHERE {condition} ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    return [SetAside(row[0], row[1], row[2], bytes(row[3]), row[4]) for row in rows]


def _watches(engine: Engine, device: str) -> list[WatchRow]:
    rows = engine.query(f"SELECT {', '.join(WATCH)} FROM watch WHERE device = ? ORDER BY camera, model", (device,))
    found = [Watch(*row) for row in rows]
    return [
        WatchRow(w.camera, w.model, w.version, w.start_ns, w.end_ns, bool(w.drifted), w.since_ns, columns_of(w))
        for w in found
    ]


def _within(span: StatisticsSpan) -> tuple[str, list[object]]:
    parts, values = ["start_ns >= ? AND start_ns < ?"], [span.since_ns, span.until_ns]
    pairs: list[tuple[str, Any]] = [("model", span.model), ("version", span.version), ("camera", span.camera)]
    for name, wanted in pairs:
        if wanted is not None:
            parts.append(f"{name} = ?")
            values.append(wanted)
    return " AND ".join(parts), list(values)


def _window(boot_id: str, message: Message) -> DriftWindow | None:
    if not isinstance(message, Drift):
        return None
    window = message.window
    return DriftWindow(
        message.device,
        boot_id,
        message.seq,
        message.camera,
        message.model,
        message.model_version,
        window.start_ns,
        window.end_ns,
        window.count,
        message.drifted,
        message.share,
        message.kind,
        message.columns,
        message.expectations,
    )


def _event(message: EventMessage, received_ns: int) -> EventRow:
    place = (message.device, message.boot_id, message.camera, message.fault, message.active, message.since_ns)
    return EventRow(*place, received_ns, message.lasted_s, message.detail)


def _stretches(rows: list[DatabaseRow], points: int) -> list[list[DatabaseRow]]:
    """Groups of rows in equal stretches of the time that they cover, by their first column."""
    if len(rows) <= points:
        return [[row] for row in rows]
    first, last = rows[0][0], rows[-1][0]
    groups: dict[int, list[DatabaseRow]] = {}
    for row in rows:
        groups.setdefault((row[0] - first) * points // (last - first + 1), []).append(row)
    return list(groups.values())


def _point(rows: list[DatabaseRow]) -> HealthPoint:
    columns = list(zip(*rows, strict=True))
    means: DatabaseRow = tuple(_mean(column) for column in columns[1 : 1 + len(_MEANS)])
    values: DatabaseRow = (rows[-1][0], *means, *rows[-1][1 + len(_MEANS) :])
    return HealthPoint(*values)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _decoded(kind: str, text: str) -> Message | None:
    """None for what an earlier version let in and this one does not."""
    try:
        return decode(kind, text.encode())
    except MessageError:
        return None
