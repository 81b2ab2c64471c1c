"""The one writing connection: opened, opened anew when its file is gone or fails, and one transaction per commit."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.clock import STEP_NS, clock_state
from edge.device.buffer.eviction import make_room, tally, used_bytes
from edge.device.buffer.judges import JudgingModel, JudgingModels
from edge.device.buffer.schema import open_writer
from edge.device.buffer.waiting import WaitingMessage
from edge.protocol.record import Record, pack

log = logging.getLogger(__name__)

ROW_RECORDS = 200
"""Records in one row, and so in one message, at most: what the sync thread encodes in one go."""
_PASSING = ("SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT", "SQLITE_NOMEM")
"""Errors after which the same connection may go on; after all others the file is opened anew."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Rows that one commit makes durable. ``acknowledged``: ids that leave the outbox."""

    records: Sequence[Record]
    messages: Sequence[WaitingMessage]
    acknowledged: Sequence[int]


class BufferFile:
    """Database file of the writing thread. ``open`` and ``write`` raise sqlite3.Error or OSError."""

    def __init__(self, path: Path, cap_bytes: int, model: str, deliver_predictions: bool) -> None:
        self.path = path
        self.set_aside: Path | None = None
        self.entries = self.pending = 0
        """Rows, and rows of the outbox; counted here, because SQLite would read the whole file for it."""
        self.opened = 0
        """Number of times that the file was opened: readers follow."""
        self.clock = clock_state()
        """Clock state as noted in the file for this boot."""
        self.durable_id = 0
        """All ids up to here are in the file, or will never be: a reader that has passed it misses nothing."""
        self._next_id = 1
        self.boot_id = f"{0:06d}-{secrets.token_hex(3)}"
        self._cap = cap_bytes
        self.judges = JudgingModels(JudgingModel(model))
        self.deliver_predictions = deliver_predictions
        self._db: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    def open(self, *, number_boot: bool = False) -> sqlite3.Connection:
        """The connection; a new one when there is none, or when its file is no longer the one at ``path``.

        ``number_boot`` gives this boot the next number, by which boots sort; before anybody has used its id.
        """
        if self._db is not None and self._inode != _inode(self.path):
            self.close()
        if self._db is None:
            db, aside = open_writer(self.path, self._cap)
            self.set_aside = aside or self.set_aside
            self._inode = _inode(self.path)
            self._begin(db, number_boot)
            self.judges.forgotten()
            self._db = db
            self.opened += 1
        return self._db

    def write(self, batch: Commit) -> None:
        """All or nothing; durable on return."""
        db = self.open()
        db.execute("BEGIN IMMEDIATE")
        removed = make_room(db, self._cap)
        self._note_clock(db)
        self.judges.write(db, self.boot_id)
        ids = self._insert_records(db, batch.records)
        for message in batch.messages:
            head = (message.id, message.kind, message.seq, 1, message.offset_ns)
            self._insert(db, head, message.model, zlib.compress(message.payload, 1))
            ids.append((message.id,))
        waiting = ids if self.deliver_predictions else ids[len(ids) - len(batch.messages) :]
        db.executemany("INSERT INTO outbox VALUES (?)", waiting)
        delivered = db.executemany("DELETE FROM outbox WHERE id = ?", ((id_,) for id_ in batch.acknowledged)).rowcount
        db.execute("COMMIT")
        self.judges.written()
        self.durable_id = self._next_id - 1
        self.entries += len(ids) - removed.entries
        self.pending += len(waiting) - removed.pending - max(0, delivered)

    def failed(self, error: Exception) -> None:
        """After an error: nothing of the transaction is left, and what is beyond repair will be opened anew."""
        try:
            if self._db is not None and self._db.in_transaction:
                self._db.rollback()
        except sqlite3.Error:
            self.close()
        if getattr(error, "sqlite_errorname", "") not in _PASSING:
            self.close()

    @property
    def is_open(self) -> bool:
        return self._db is not None

    def close(self) -> None:
        db, self._db = self._db, None
        try:
            if db is not None:
                db.close()
        except sqlite3.Error as error:
            log.warning("%s: %s", self.path, error)

    def figures(self) -> tuple[int, int, int]:
        """Bytes of live pages, and what was evicted since the file was made, and of that unacknowledged; zeros while
        it cannot be read.
        """
        try:
            if self._db is not None:
                evicted, undelivered = (tally(self._db, name) for name in ("evicted", "evicted_undelivered"))
                return used_bytes(self._db), evicted, undelivered
        except sqlite3.Error:
            pass
        return 0, 0, 0

    def take_id(self) -> int:
        """Greater than all before, also over several files."""
        self._next_id += 1
        return self._next_id - 1

    def _begin(self, db: sqlite3.Connection, number_boot: bool) -> None:
        self.entries, self.pending, last_id = db.execute(
            "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM outbox), (SELECT max(id) FROM entry)"
        ).fetchone()
        self._next_id = max(self._next_id, (last_id or 0) + 1)
        self.durable_id = max(self.durable_id, last_id or 0)
        db.execute("BEGIN IMMEDIATE")
        row = (self.boot_id, time.time_ns(), self.clock.offset_ns, self.clock.synchronized)
        insert = "INSERT OR IGNORE INTO boot (boot_id, wall_ns, offset_ns, synchronized) VALUES (?, ?, ?, ?)"
        number = db.execute(insert, row).lastrowid
        if number_boot:
            plain, self.boot_id = self.boot_id, f"{number:06d}{self.boot_id[6:]}"
            db.execute("UPDATE boot SET boot_id = ? WHERE boot_id = ?", (self.boot_id, plain))
        db.execute("COMMIT")

    def _note_clock(self, db: sqlite3.Connection) -> None:
        now, noted = clock_state(), self.clock
        if abs(now.offset_ns - noted.offset_ns) > STEP_NS or now.synchronized != noted.synchronized:
            change = (now.offset_ns, now.synchronized, self.boot_id)
            db.execute("UPDATE boot SET offset_ns = ?, synchronized = ? WHERE boot_id = ?", change)
            self.clock = now

    def _insert_records(self, db: sqlite3.Connection, records: Sequence[Record]) -> list[tuple[int]]:
        ids = []
        for judge, row in self.judges.split(records, ROW_RECORDS):
            id_ = self.take_id()
            self._insert(db, (id_, "predictions", row[0].seq, len(row), None), judge.model, pack(row))
            ids.append((id_,))
        return ids

    def _insert(self, db: sqlite3.Connection, head: tuple[Any, ...], model: str, payload: bytes) -> None:
        db.execute(
            "INSERT INTO entry (id, kind, seq, count, offset_ns, boot_id, model, payload) VALUES (?,?,?,?,?,?,?,?)",
            (*head, self.boot_id, model, payload),
        )


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
