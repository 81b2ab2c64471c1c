"""Alerts as they are kept. When one is opened, and who is told, is not decided here."""

from __future__ import annotations

import json
from dataclasses import replace

from edge.monitor.database import DatabaseRow, Engine, marks
from edge.monitor.queries.reading import Alert

_COLUMNS = (
    *("key", "kind", "severity", "devices", "feature", "opened_ns", "changed_ns", "closed_ns", "acknowledged"),
    *("silenced_until_ns", "text"),
)


def put_alert(engine: Engine, alert: Alert) -> Alert:
    """A new one (``id`` 0), which gets its number, or the new state of one that is there. Raises StateError."""
    devices = json.dumps(alert.devices, ensure_ascii=False)
    values = [devices if name == "devices" else getattr(alert, name) for name in _COLUMNS]
    if alert.id:
        changes = ", ".join(f"{name} = ?" for name in _COLUMNS)
        engine.execute(f"UPDATE alert SET {changes} WHERE id = ?", (*values, alert.id))
        return alert
    sql = f"INSERT INTO alert ({', '.join(_COLUMNS)}) VALUES ({marks(len(_COLUMNS))}) RETURNING id"
    return replace(alert, id=int(engine.query(sql, values)[0][0]))


def list_alerts(engine: Engine, open_only: bool, device: str | None, limit: int) -> list[Alert]:
    """The newest first."""
    parts, values = ["1 = 1"], []
    if open_only:
        parts.append("closed_ns IS NULL")
    if device is not None:
        parts.append("devices LIKE ? ESCAPE '!'")
        name = json.dumps(device, ensure_ascii=False)
        for special in "!%_":
            name = name.replace(special, "!" + special)
        values.append(f"%{name}%")
    rows = engine.query(
        f"SELECT id, {', '.join(_COLUMNS)} FROM alert WHERE {' AND '.join(parts)} ORDER BY opened_ns DESC, id DESC "
        "LIMIT ?",
        (*values, limit),
    )
    return [_alert(row) for row in rows]


def _alert(row: DatabaseRow) -> Alert:
    fields = dict(zip(("id", *_COLUMNS), row, strict=True))
    return Alert(**fields | {"devices": tuple(json.loads(fields["devices"]))})
