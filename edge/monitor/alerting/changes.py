"""Changes in a store since the last look; windows, events and slots, whichever monitor stored them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge.monitor.database import DatabaseRow, Engine

OVERLAP_NS = 30 * 10**9
"""Several monitors may store at once: what one of them received before the last look may be committed after it."""
PAGE = 5000
_WHERE_DRIFTED = "CASE WHEN drifted = 1 OR message LIKE ? THEN message ELSE '' END"
_ALARMS = '%"alarms":[{%'
"""Most messages are long and say nothing: these two are read of the rest."""
_OPEN = '"open_since_ns":'


@dataclass(frozen=True, slots=True)
class NewWindow:
    device: str
    camera: str
    model: str
    version: int
    boot: int
    seq: int
    start_ns: int
    end_ns: int
    drifted: tuple[str, ...]
    """Columns that are drifted by the window's verdict, or that the device's continuous watch alarms for."""
    columns: int
    """Number of columns tested; 0: not looked up, for none drifted."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    device: str
    camera: str
    fault: str
    active: bool
    since_ns: int
    seq: int


class AlertChanges:
    """Each window and event once, in the order in which they came."""

    def __init__(self, engine: Engine, since_ns: int) -> None:
        """From what was received at ``since_ns`` on."""
        self._engine = engine
        self._cursors = {"drift": since_ns, "event": since_ns}
        self._seen: dict[str, dict[tuple[int, int], int]] = {"drift": {}, "event": {}}

    def windows(self) -> Iterator[NewWindow]:
        for row in self._fresh("drift", f"camera, model, version, start_ns, end_ns, {_WHERE_DRIFTED}", _ALARMS):
            boot, seq, _, device, camera, model, version, start_ns, end_ns, text = row
            names, columns = _drifted(text) if text else ((), 0)
            yield NewWindow(device, camera, model, version, boot, seq, start_ns, end_ns, names, columns)

    def events(self) -> Iterator[NewEvent]:
        for row in self._fresh("event", "camera, fault, active, since_ns"):
            _, seq, _, device, camera, fault, active, since_ns = row
            yield NewEvent(device, camera, fault, bool(active), since_ns, seq)

    def outcomes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Ends of the last trial of a model, for all devices."""
        for device, text in self._engine.query("SELECT device, message FROM latest WHERE kind = 'slots'"):
            outcome = _loaded(text).get("outcome")
            if isinstance(outcome, dict):
                yield device, outcome

    def open_gates(self) -> Iterator[tuple[str, int, str]]:
        """Devices whose gate may be open, by their last health message: since when, and why it cannot be closed."""
        told = "message LIKE ? AND message NOT LIKE ? AND message NOT LIKE ?"
        sql = f"SELECT device, message FROM latest WHERE kind = 'health' AND {told}"
        for device, text in self._engine.query(sql, (f"%{_OPEN}%", f"%{_OPEN}0}}%", f"%{_OPEN}0,%")):
            gate = _loaded(text).get("gate")
            since_ns = gate.get("open_since_ns") if isinstance(gate, dict) else None
            if isinstance(since_ns, int) and since_ns:
                yield device, since_ns, str(gate.get("problem", "")) if isinstance(gate, dict) else ""

    def _fresh(self, table: str, columns: str, *values: object) -> Iterator[DatabaseRow]:
        seen, start_ns = self._seen[table], self._cursors[table] - OVERLAP_NS
        for key in [key for key, received_ns in seen.items() if received_ns < start_ns]:
            del seen[key]
        last = (start_ns, -1, -1)
        sql = (
            f"SELECT {table}.boot, {table}.seq, {table}.received_ns, device, {columns} FROM {table} "
            f"JOIN boot ON boot.id = {table}.boot WHERE received_ns > ? OR (received_ns = ? AND "
            f"({table}.boot > ? OR ({table}.boot = ? AND seq > ?))) "
            f"ORDER BY received_ns, {table}.boot, seq LIMIT {PAGE}"
        )
        while rows := self._engine.query(sql, (*values, last[0], last[0], last[1], last[1], last[2])):
            for row in rows:
                if (row[0], row[1]) not in seen:
                    seen[row[0], row[1]] = row[2]
                    yield row
            last = (rows[-1][2], rows[-1][0], rows[-1][1])
            self._cursors[table] = max(self._cursors[table], last[0])


def _drifted(text: str) -> tuple[tuple[str, ...], int]:
    message = _loaded(text)
    columns = [column for column in message.get("columns", ()) if isinstance(column, dict)]
    names = [column["name"] for column in columns if column.get("drifted")]
    alarms = [alarm for alarm in message.get("alarms", ()) if isinstance(alarm, dict) and not alarm.get("small")]
    return tuple(dict.fromkeys([*names, *(alarm["name"] for alarm in alarms)])), len(columns)


def _loaded(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return found if isinstance(found, dict) else {}
