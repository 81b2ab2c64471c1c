"""Store of the monitor: each message once, by ``(device, boot_id, kind, seq)``."""

from __future__ import annotations

import math
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge.drift.reference import Reference
from edge.errors import MessageError
from edge.monitor.database import SCHEMES, open_engine, upsert
from edge.monitor.queries.reader import SqlReader
from edge.monitor.queries.reading import Alert
from edge.monitor.store.alerts import put_alert
from edge.monitor.store.batch import IntakeBatch, Read, presents, write_presents
from edge.monitor.store.rolling import give_back
from edge.monitor.subscriber.decode import Arrival, read, sender
from edge.protocol.messages import Message
from edge.protocol.record import Record

SET_ASIDE_KEPT = 1000
"""The last so many unreadable messages are kept to be looked at, their first bytes only; all are counted."""
SET_ASIDE_BYTES = 4096
BATCH = 500
"""Messages in one transaction at most."""


class Store:
    """Writes; used by one thread. Who only looks takes a reader: :mod:`edge.monitor.queries.reading`."""

    def __init__(self, address: Path | str | None = None, root: str = "edge") -> None:
        """A file, ``postgresql://…``, or None for memory. Raises StateError when it cannot be used, MissingError."""
        self.address, self.root = address, root
        self.engine = open_engine(address)

    @property
    def remote(self) -> bool:
        """It may be away for a while, and come back."""
        return isinstance(self.address, str) and self.address.startswith(SCHEMES)

    def check(self) -> None:
        """Raises StateError when the database does not answer."""
        self.engine.query("SELECT 1")

    def close(self) -> None:
        self.engine.close()

    @property
    def client_id(self) -> str:
        """The name under which the broker keeps messages for this store: made up once, then always the same."""
        self.engine.insert_new("meta", ("name", "value"), [("client_id", f"monitor-{secrets.token_hex(6)}")])
        return str(self.engine.query("SELECT value FROM meta WHERE name = 'client_id'")[0][0])

    def accept(self, arrivals: Iterable[Arrival]) -> list[Message]:
        """Stores all of them, BATCH at a time; durable on return. What was new, in order.

        The unreadable is set aside with the reason. Raises StateError when the database refuses; of the batch in
        hand nothing is stored then.
        """
        readable, unreadable = self._read(arrivals)
        fresh: list[Message] = []
        for start in range(0, max(len(readable), 1), BATCH):
            with self.engine.transaction():
                if not start:
                    self._set_aside(unreadable)
                fresh += IntakeBatch(self.engine, readable[start : start + BATCH]).store()
        return fresh

    def records(self, device: str) -> Iterator[tuple[str, Record]]:
        """All predictions of a device with their boot id, by boot and ``seq``."""
        rows = self.engine.query(
            f"SELECT boot_id, {', '.join(Record._fields)} "
            "FROM record JOIN boot ON boot.id = record.boot WHERE device = ? ORDER BY boot, seq",
            (device,),
        )
        return ((row[0], _record(row[1:])) for row in rows)

    def messages(self, kind: str, device: str) -> list[str]:
        """The JSON of its drift windows, stats, events or audits, by boot and number."""
        sql = f"SELECT message FROM {kind} JOIN boot ON boot.id = {kind}.boot WHERE device = ? ORDER BY boot, seq"
        return [row[0] for row in self.engine.query(sql, (device,))]

    def reader(self) -> SqlReader:
        """On the store's own connection: sees what is stored, and waits while it writes."""
        return SqlReader(self.engine)

    def add_reference(self, data: bytes, model: str = "", version: int = 0) -> str:
        """A drift reference, by which statistics are merged and judged; its digest. Raises ArtifactError."""
        reference = Reference.from_bytes(data)
        row = (reference.digest, model, version, data)
        with self.engine.transaction():
            self.engine.executemany(upsert("reference", ("digest", "model", "version", "data")), [row])
            give_back(self.engine)
        return reference.digest

    def put_alert(self, alert: Alert) -> Alert:
        """Stores a new alert (``id`` 0; returned with its number) or the new state of one. Raises StateError."""
        return put_alert(self.engine, alert)

    def count(self, kind: str, device: str) -> int:
        """Number of predictions (records), drift windows, stats, events or audits of a device."""
        table = {"predictions": "record"}.get(kind, kind)
        sql = f"SELECT count(*) FROM {table} JOIN boot ON boot.id = {table}.boot WHERE device = ?"
        return int(self.engine.query(sql, (device,))[0][0])

    def set_aside(self) -> dict[str, int]:
        """Unreadable messages by the device on whose topic they came; nobody's under the empty name."""
        return {
            row[0]: row[1] for row in self.engine.query("SELECT device, set_aside FROM device WHERE set_aside > 0")
        }

    def _read(self, arrivals: Iterable[Arrival]) -> tuple[list[Read], list[tuple[Arrival, str]]]:
        readable, unreadable = [], []
        for arrival in arrivals:
            try:
                readable.append((read(self.root, arrival), arrival))
            except MessageError as error:
                unreadable.append((arrival, str(error)))
        return readable, unreadable

    def _set_aside(self, unreadable: list[tuple[Arrival, str]]) -> None:
        if not unreadable:
            return
        counts = Counter(sender(self.root, arrival.topic) for arrival, _ in unreadable)
        rows = presents(self.engine, set(counts))
        for device, count in counts.items():
            rows[device].set_aside += count
        write_presents(self.engine, rows.values())
        self.engine.executemany(
            "INSERT INTO set_aside (device, topic, reason, payload, received_ns) VALUES (?, ?, ?, ?, ?)",
            [_aside(self.root, arrival, reason) for arrival, reason in unreadable[-SET_ASIDE_KEPT:]],
        )
        self.engine.execute(
            "DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?", (SET_ASIDE_KEPT,)
        )


def _aside(root: str, arrival: Arrival, reason: str) -> tuple[object, ...]:
    texts = (sender(root, arrival.topic), _storable(arrival.topic), _storable(reason))
    return (*texts, arrival.payload[:SET_ASIDE_BYTES], arrival.received_ns)


def _storable(text: str) -> str:
    """Without what no database takes: lone surrogates, NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _record(row: tuple[object, ...]) -> Record:
    record = Record._make(row)
    return record if record.score is not None else record._replace(score=math.nan)  # SQLite keeps NaN as NULL
