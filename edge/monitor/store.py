"""What the monitor remembers, in SQLite: each message once, by ``(device, boot_id, kind, seq)``."""

from __future__ import annotations

import json
import math
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.errors import MessageError, StateError
from edge.messages import Audit, Drift, Event, Health, Message, Predictions, Slots, Stats, Status, encode
from edge.monitor.intake import Arrival, read, sender
from edge.monitor.schema import open_store
from edge.record import Record

SET_ASIDE_KEPT = 1000
"""The last so many unreadable messages are kept to be looked at, their first bytes only; all are counted."""
SET_ASIDE_BYTES = 4096


class Store:
    """Used by one thread."""

    def __init__(self, path: Path | None = None, root: str = "edge") -> None:
        """``path`` None keeps everything in memory. Raises StateError when the file cannot be used."""
        self.path, self.root = path, root
        self.db = open_store(path)

    def close(self) -> None:
        self.db.close()

    @property
    def client_id(self) -> str:
        """The name under which the broker keeps messages for this store: made up once, then always the same."""
        self.db.execute("INSERT OR IGNORE INTO meta VALUES ('client_id', ?)", (f"monitor-{secrets.token_hex(6)}",))
        return str(self._one("SELECT value FROM meta WHERE name = 'client_id'"))

    def accept(self, arrivals: Iterable[Arrival]) -> list[Message]:
        """Stores all of them in one transaction; durable on return. What was new, in order.

        The unreadable is set aside with the reason. Raises StateError when the disk refuses; nothing is stored then.
        """
        fresh = []
        with self._transaction():
            for arrival in arrivals:
                try:
                    message = read(self.root, arrival)
                except MessageError as error:
                    self._set_aside(arrival, str(error))
                    continue
                if self._keep(message, arrival.received_ns):
                    fresh.append(message)
        return fresh

    def records(self, device: str) -> Iterator[tuple[str, Record]]:
        """All predictions of a device with their boot id, by boot and ``seq``."""
        rows = self.db.execute(
            f"SELECT boot_id, {', '.join(Record._fields)} "
            "FROM record JOIN boot ON boot.id = record.boot WHERE device = ? ORDER BY boot, seq",
            (device,),
        )
        return ((row[0], _record(row[1:])) for row in rows)

    def count(self, kind: str, device: str) -> int:
        """How many predictions (records), drift windows, stats, events or audits of a device are here."""
        table = {"predictions": "record"}.get(kind, kind)
        return int(
            self._one(f"SELECT count(*) FROM {table} JOIN boot ON boot.id = {table}.boot WHERE device = ?", device)
        )

    def set_aside(self) -> dict[str, int]:
        """Unreadable messages by the device on whose topic they came; nobody's under the empty name."""
        return dict(self.db.execute("SELECT device, set_aside FROM device WHERE set_aside > 0"))

    # -- one message ------------------------------------------------------------------------------------------------

    def _keep(self, message: Message, now_ns: int) -> bool:
        self._see(message, now_ns)
        if isinstance(message, Predictions):
            return self._keep_records(message) > 0
        if isinstance(message, Drift):
            window = (message.model, message.window.start_ns, message.drifted, now_ns)
            return self._insert("drift", message, *window)
        if isinstance(message, Stats):
            return self._insert("stats", message, message.model, now_ns)
        if isinstance(message, Audit):
            return self._insert("audit", message, message.request, message.record_seq, now_ns)
        if isinstance(message, Event):
            event = (message.camera, message.fault, message.active, message.since_ns, now_ns)
            return self._insert("event", message, *event)
        return self._keep_live(message)

    def _see(self, message: Message, now_ns: int) -> None:
        self.db.execute(
            "INSERT INTO device (device, site, line, model, version, seen_ns) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET site = excluded.site, line = excluded.line, seen_ns = excluded.seen_ns",
            (message.device, message.site, message.line, message.model, message.model_version, now_ns),
        )

    def _keep_live(self, message: Message) -> bool:
        """Only these tell the present: the others may come out of a buffer, days late."""
        self.db.execute(
            "UPDATE device SET boot_id = ?, model = ?, version = ? WHERE device = ?",
            (message.boot_id, message.model, message.model_version, message.device),
        )
        if isinstance(message, Status):
            self.db.execute("UPDATE device SET state = ? WHERE device = ?", (message.state, message.device))
        elif isinstance(message, Health):
            self.db.execute(
                "UPDATE device SET health = ? WHERE device = ?", (encode(message).decode(), message.device)
            )
        elif isinstance(message, Slots):
            values = (message.device, encode(message).decode())
            self.db.execute("INSERT OR REPLACE INTO slots (device, message) VALUES (?, ?)", values)
        return True

    def _insert(self, table: str, message: Message, *columns: object) -> bool:
        values = (self._boot(message), message.seq, *columns, encode(message).decode())
        marks = ", ".join("?" * len(values))
        return self.db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", values).rowcount > 0

    def _keep_records(self, message: Predictions) -> int:
        boot, model = self._boot(message), self._model(message)
        before = self.db.total_changes
        marks = ", ".join("?" * (2 + len(Record._fields)))
        self.db.executemany(
            f"INSERT OR IGNORE INTO record VALUES ({marks})",
            ((boot, record.seq, model, *record[1:]) for record in message.records),
        )
        new = self.db.total_changes - before
        self.db.execute("UPDATE device SET predictions = predictions + ? WHERE device = ?", (new, message.device))
        return new

    def _boot(self, message: Message) -> int:
        key = (message.device, message.boot_id)
        self.db.execute("INSERT OR IGNORE INTO boot (device, boot_id) VALUES (?, ?)", key)
        return int(self._one("SELECT id FROM boot WHERE device = ? AND boot_id = ?", *key))

    def _model(self, message: Predictions) -> int:
        key = (message.model, message.model_version, json.dumps(message.labels))
        self.db.execute("INSERT OR IGNORE INTO model (name, version, labels) VALUES (?, ?, ?)", key)
        return int(self._one("SELECT id FROM model WHERE name = ? AND version = ? AND labels = ?", *key))

    def _set_aside(self, arrival: Arrival, reason: str) -> None:
        device = sender(self.root, arrival.topic)
        self.db.execute(
            "INSERT INTO device (device, set_aside) VALUES (?, 1) "
            "ON CONFLICT DO UPDATE SET set_aside = set_aside + 1",
            (device,),
        )
        cursor = self.db.execute(
            "INSERT INTO set_aside (device, topic, reason, payload, received_ns) VALUES (?, ?, ?, ?, ?)",
            (device, arrival.topic, reason, arrival.payload[:SET_ASIDE_BYTES], arrival.received_ns),
        )
        self.db.execute("DELETE FROM set_aside WHERE id <= ?", ((cursor.lastrowid or 0) - SET_ASIDE_KEPT,))

    # -- SQLite -----------------------------------------------------------------------------------------------------

    def _one(self, sql: str, *values: object) -> Any:
        return self.db.execute(sql, values).fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StateError(f"{self.path or 'store'}: cannot be written: {error}") from None
        finally:
            if self.db.in_transaction:
                self.db.rollback()


def _record(row: tuple[Any, ...]) -> Record:
    record = Record._make(row)
    return record if record.score is not None else record._replace(score=math.nan)  # SQLite keeps NaN as NULL
