"""The durable local buffer: what was acknowledged by a commit is never lost, and it never grows past its cap."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.buffer.schema import open_reader, open_writer
from edge.record import Record, pack, unpack
from edge.sync.outbox import Entry

log = logging.getLogger(__name__)

ROW_RECORDS = 500
"""Records in one row at most."""
WAITING_MAX = 100_000
"""Records kept in memory while the disk refuses them; more are lost, and counted."""
_EVICT_ABOVE, _EVICT_SHARE = 0.9, 0.05


@dataclass(frozen=True, slots=True)
class BufferState:
    """``bytes``: of live pages; ``evicted``: records since the file was made, ``evicted_undelivered`` those of them
    that still waited for the broker; ``lost``: records since the start.
    """

    entries: int
    pending: int
    bytes: int
    evicted: int
    evicted_undelivered: int
    lost: int


class Buffer:
    """One thread writes (``append``, ``put``, ``tick``, ``close``); the sync thread reads and acknowledges.

    A record is durable once the commit that holds it is done: after ``commit_records`` records or ``commit_s``
    seconds, whichever comes first. ``commit_s`` is the loss window of a power cut.
    """

    def __init__(
        self,
        path: Path,
        *,
        model: str = "",
        cap_bytes: int = 256 << 20,
        commit_records: int = 500,
        commit_s: float = 5.0,
        deliver_predictions: bool = True,
    ) -> None:
        self.path = path
        self._model, self._deliver = model, deliver_predictions
        self._commit_records, self._commit_s, self._cap = commit_records, commit_s, cap_bytes
        self._db, self.set_aside = open_writer(path, cap_bytes)
        self._records: list[Record] = []
        self._messages: list[tuple[str, int, bytes, str]] = []
        self._acknowledged: deque[int] = deque()
        self._applying: frozenset[int] = frozenset()
        self._local = threading.local()
        self._committed = time.monotonic()
        self._lost = 0
        self.committed = 0
        """Records of this boot that a commit has made durable."""
        self.trouble = ""
        """Why the last commit was refused; empty when it was not."""
        self._complained = float("-inf")
        self.boot_id = self._begin_boot()

    # -- the writer -----------------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """Keeps a decision. Durable after the next commit."""
        if len(self._records) >= WAITING_MAX:
            self._lost += 1
            return
        self._records.append(record)

    def put(self, kind: str, seq: int, payload: bytes, model: str | None = None) -> None:
        """Keeps a finished message of kind ``audit``, ``drift``, ``stats`` or ``event``. Durable after the next
        commit.

        ``model``: whose it is, if not that of the records.
        """
        self._messages.append((kind, seq, payload, self._model if model is None else model))

    def tick(self) -> None:
        """Commits when it is time to. Call it often."""
        full = len(self._records) >= self._commit_records
        if full or (self._dirty and time.monotonic() - self._committed >= self._commit_s):
            self.commit()

    def commit(self) -> None:
        """Makes everything durable now. A disk that refuses is said once a minute, and tried again when due."""
        try:
            self._write()
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.rollback()
            self.trouble = str(error)
            self._complain(error)
        else:
            self.trouble = ""
        finally:
            self._applying = frozenset()
            self._committed = time.monotonic()

    def close(self) -> None:
        """Commits what is left and closes the file."""
        self.commit()
        self._db.close()

    def state(self) -> BufferState:
        """Counts for health reports."""
        entries, pending = self._db.execute(
            "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM outbox)"
        ).fetchone()
        evicted = self._tally("evicted"), self._tally("evicted_undelivered")
        return BufferState(entries, pending, self._used(), *evicted, self._lost)

    def records(self) -> Iterator[tuple[str, Record]]:
        """Every committed record still here, oldest first, with its boot id. For the writing thread."""
        rows = self._db.execute("SELECT boot_id, payload FROM entry WHERE kind = 'predictions' ORDER BY id")
        for boot_id, payload in rows:
            for record in unpack(payload):
                yield boot_id, record

    # -- the outbox, for the sync thread --------------------------------------------------------------------------

    def pending(self, after: int, limit: int) -> list[Entry]:
        """Entries with ``id > after`` that nobody has acknowledged, oldest first; empty only when there are none."""
        while True:
            # Asked before the rows, and in the order opposite to _take_acknowledged: an entry that a commit takes
            # away meanwhile is then in ``done``, or no longer in the rows.
            acknowledged = self._acknowledged.copy()
            done = self._applying.union(acknowledged)
            rows = self._rows_after(after, limit)
            entries = [Entry(*row) for row in rows if row[0] not in done]
            if entries or len(rows) < limit:
                return entries
            after = rows[-1][0]  # all acknowledged, and only the commit that says so is still to come

    def acknowledge(self, ids: Sequence[int]) -> None:
        """Entries that the other side has taken over. Durable with the next commit."""
        self._acknowledged.extend(ids)

    # -- inside ---------------------------------------------------------------------------------------------------

    @property
    def _dirty(self) -> bool:
        return bool(self._records or self._messages or self._acknowledged)

    def _begin_boot(self) -> str:
        suffix = secrets.token_hex(3)
        cursor = self._db.execute("INSERT INTO boot (boot_id, wall_ns) VALUES (?, ?)", (suffix, time.time_ns()))
        boot_id = f"{cursor.lastrowid:06d}-{suffix}"
        self._db.execute("UPDATE boot SET boot_id = ? WHERE number = ?", (boot_id, cursor.lastrowid))
        return boot_id

    def _write(self) -> None:
        records, messages = list(self._records), list(self._messages)
        acknowledged = self._take_acknowledged()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("DELETE FROM outbox WHERE id = ?", ((id_,) for id_ in acknowledged))
            self._evict()
            for start in range(0, len(records), ROW_RECORDS):
                rows = records[start : start + ROW_RECORDS]
                self._insert("predictions", rows[0].seq, len(rows), pack(rows), self._model, self._deliver)
            for kind, seq, payload, model in messages:
                self._insert(kind, seq, 1, payload, model, True)
            self._db.execute("COMMIT")
        except BaseException:
            self._acknowledged.extendleft(acknowledged)
            raise
        del self._records[: len(records)], self._messages[: len(messages)]
        self.committed += len(records)

    def _take_acknowledged(self) -> list[int]:
        # Named as being applied before they leave the queue, so that ``pending`` never sees an entry in neither.
        taken = list(self._acknowledged.copy())
        self._applying = frozenset(taken)
        for _ in taken:
            self._acknowledged.popleft()
        return taken

    def _insert(self, kind: str, seq: int, count: int, payload: bytes, model: str, deliver: bool) -> None:
        cursor = self._db.execute(
            "INSERT INTO entry (kind, boot_id, seq, count, model, payload) VALUES (?, ?, ?, ?, ?, ?)",
            (kind, self.boot_id, seq, count, model, payload),
        )
        if deliver:
            self._db.execute("INSERT INTO outbox VALUES (?)", (cursor.lastrowid,))

    def _used(self) -> int:
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _evict(self) -> None:
        """Oldest first, predictions before drift windows, until there is room below the cap again."""
        while self._used() > self._cap * _EVICT_ABOVE and self._evict_some():
            pass

    def _evict_some(self) -> bool:
        for kinds in ("kind = 'predictions'", "kind != 'predictions'"):
            total = self._db.execute(f"SELECT count(*) FROM entry WHERE {kinds}").fetchone()[0]
            if total:
                self._drop(kinds, max(1, int(total * _EVICT_SHARE)))
                return True
        return False

    def _drop(self, kinds: str, entries: int) -> None:
        oldest = f"(SELECT id FROM entry WHERE {kinds} ORDER BY id LIMIT {entries})"
        count = f"SELECT coalesce(sum(count), 0) FROM entry WHERE id IN {oldest}"
        self._count("evicted", self._db.execute(count).fetchone()[0])
        undelivered = self._db.execute(f"{count} AND id IN (SELECT id FROM outbox)").fetchone()[0]
        self._count("evicted_undelivered", undelivered)
        self._db.execute(f"DELETE FROM outbox WHERE id IN {oldest}")
        self._db.execute(f"DELETE FROM entry WHERE id IN {oldest}")

    def _count(self, name: str, more: int) -> None:
        self._db.execute(
            "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, more),
        )

    def _tally(self, name: str) -> int:
        row = self._db.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()
        return row[0] if row else 0

    def _rows_after(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        return (
            self._reader()
            .execute(
                "SELECT id, kind, boot_id, seq, count, model, payload FROM outbox JOIN entry USING (id) "
                "WHERE id > ? ORDER BY id LIMIT ?",
                (after, limit),
            )
            .fetchall()
        )

    def _reader(self) -> sqlite3.Connection:
        if not hasattr(self._local, "reader"):
            self._local.reader = open_reader(self.path)
        reader: sqlite3.Connection = self._local.reader
        return reader

    def _complain(self, error: sqlite3.Error) -> None:
        now = time.monotonic()
        if now - self._complained >= 60.0:
            self._complained = now
            log.error("%s: not written (%s); %d records wait in memory", self.path, error, len(self._records))
