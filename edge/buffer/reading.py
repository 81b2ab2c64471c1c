"""Rows of the buffer, read by any thread or process while the daemon writes."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.buffer.schema import open_reader
from edge.messages import MAX_BYTES
from edge.record import Record, unpack
from edge.sync.outbox import Entry

_COLUMNS = "id, kind, entry.boot_id, seq, count, model, payload, entry.offset_ns, boot.offset_ns, boot.synchronized"
_ENTRIES = f"SELECT {_COLUMNS} FROM entry LEFT JOIN boot ON boot.boot_id = entry.boot_id"
_PENDING = _ENTRIES.replace("FROM entry", "FROM outbox JOIN entry USING (id)") + " WHERE id > ? ORDER BY id LIMIT ?"


class Readers:
    """A read-only connection for each thread, and a new one whenever the writer has opened the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def pending(self, opened: int, after: int, limit: int) -> list[Entry]:
        """Of the outbox, oldest first. Raises sqlite3.Error."""
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


def entries(db: sqlite3.Connection, kind: str) -> Iterator[Entry]:
    """All of a kind, oldest first."""
    return (_entry(row) for row in db.execute(f"{_ENTRIES} WHERE kind = ? ORDER BY id", (kind,)))


def records(db: sqlite3.Connection) -> Iterator[tuple[str, Record]]:
    """Every record, oldest first, with its boot id. Raises ValueError for a damaged row."""
    for entry in entries(db, "predictions"):
        for record in unpack(entry.payload):
            yield entry.boot_id, record


def _entry(row: tuple[Any, ...]) -> Entry:
    fields: list[Any] = list(row)
    fields[-1] = None if row[-1] is None else bool(row[-1])
    entry = Entry(*fields)
    return entry if entry.kind == "predictions" else replace(entry, payload=_inflated(entry.payload))


def _inflated(payload: bytes) -> bytes:
    """The message; empty where it is damaged."""
    inflater = zlib.decompressobj()
    try:
        message = inflater.decompress(payload, MAX_BYTES)
    except zlib.error:
        return b""
    return message if inflater.eof else b""
