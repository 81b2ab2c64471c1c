"""Rows of the buffer, read by any thread or process while the daemon writes."""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.device.buffer.schema import open_reader
from edge.device.sync.outbox import OutboxEntry
from edge.protocol.messages import MAX_BYTES
from edge.protocol.record import Record, unpack

_COLUMNS = (
    "id, kind, entry.boot_id, seq, count, entry.model, payload, entry.offset_ns, boot.offset_ns, boot.synchronized, "
    "judge.version, judge.labels"
)
_JUDGE = (
    "LEFT JOIN judge ON kind = 'predictions' AND judge.boot_id = entry.boot_id AND judge.first_seq = "
    "(SELECT max(first_seq) FROM judge WHERE boot_id = entry.boot_id AND first_seq <= entry.seq)"
)
_ENTRIES = f"SELECT {_COLUMNS} FROM entry LEFT JOIN boot ON boot.boot_id = entry.boot_id {_JUDGE}"
_OLD_ENTRIES = _ENTRIES.replace(_JUDGE, "").replace("judge.version, judge.labels", "NULL, NULL")
_PENDING = _ENTRIES.replace("FROM entry", "FROM outbox JOIN entry USING (id)") + " WHERE id > ? ORDER BY id LIMIT ?"


class BufferReaders:
    """A read-only connection for each thread, and a new one whenever the writer has opened the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def pending(self, opened: int, after: int, limit: int) -> list[OutboxEntry]:
        """Entries of the outbox, oldest first. Raises sqlite3.Error."""
        try:
            rows = self._of_this_thread(opened).execute(_PENDING, (after, limit)).fetchall()
        except sqlite3.Error:
            self._local.reader = None
            raise
        return [_entry(row) for row in rows]

    def release(self) -> None:
        """Closes this thread's connection."""
        reader, self._local.reader = getattr(self._local, "reader", None), None
        if reader is not None:
            reader.close()

    def _of_this_thread(self, opened: int) -> sqlite3.Connection:
        local = self._local
        if getattr(local, "reader", None) is None or local.opened != opened:
            local.reader, local.opened = open_reader(self._path), opened
        reader: sqlite3.Connection = local.reader
        return reader


def entries(db: sqlite3.Connection, kind: str) -> Iterator[OutboxEntry]:
    """All of a kind, oldest first."""
    judged = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'judge'").fetchone()[0]
    rows = db.execute(f"{_ENTRIES if judged else _OLD_ENTRIES} WHERE kind = ? ORDER BY id", (kind,))
    return (_entry(row) for row in rows)


def records(db: sqlite3.Connection) -> Iterator[tuple[str, Record]]:
    """Every record, oldest first, with its boot id. Raises ValueError for a damaged row."""
    for entry in entries(db, "predictions"):
        for record in unpack(entry.payload):
            yield entry.boot_id, record


def _entry(row: tuple[Any, ...]) -> OutboxEntry:
    fields: list[Any] = list(row)
    synchronized, version, labels = row[-3:]
    fields[-3:] = (
        None if synchronized is None else bool(synchronized),
        version or 0,
        tuple(json.loads(labels)) if labels else (),
    )
    entry = OutboxEntry(*fields)
    return entry if entry.kind == "predictions" else replace(entry, payload=_inflated(entry.payload))


def _inflated(payload: bytes) -> bytes:
    """The message; empty where it is damaged."""
    inflater = zlib.decompressobj()
    try:
        message = inflater.decompress(payload, MAX_BYTES)
    except zlib.error:
        return b""
    return message if inflater.eof else b""
