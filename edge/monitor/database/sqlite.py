"""SQLite: a file, or memory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.errors import StateError
from edge.monitor.database.engine import DatabaseRow
from edge.monitor.database.statements import insert

CACHE_KB = 65_536
"""Cache of pages: the indexes of some ten thousand devices that all write at once."""
WAIT_S = 10.0
"""For another process that writes."""


class SqliteEngine:
    """``readonly`` for those who look while another connection writes."""

    types: Mapping[str, str] = {
        "id": "INTEGER PRIMARY KEY",
        "text": "TEXT",
        "blob": "BLOB",
        "clustered": "WITHOUT ROWID",
    }

    def __init__(self, path: Path | None = None, *, readonly: bool = False) -> None:
        """Raises StateError when the file cannot be used."""
        self.path, self.place = path, str(path) if path else "store"
        self._lock = threading.RLock()
        try:
            self._db = _connect(path, readonly)
            if not readonly:
                self._db.execute("PRAGMA journal_mode=WAL")
                # FULL: a message is acknowledged to the broker after the commit, and the broker then forgets it.
                self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def query(self, sql: str, values: Sequence[object] = ()) -> list[DatabaseRow]:
        with self._guarded("read"):
            return self._db.execute(sql, values).fetchall()

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        with self._guarded("written"):
            return self._db.execute(sql, values).rowcount

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with self._guarded("written"):
            self._db.executemany(sql, rows)

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[DatabaseRow]) -> list[DatabaseRow]:
        sql = insert(table, columns)
        with self._guarded("written"):
            return [row[:2] for row in rows if self._db.execute(sql, row).rowcount > 0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                with self._guarded("written"):
                    self._db.execute("BEGIN IMMEDIATE")
                yield
                with self._guarded("written"):
                    self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.rollback()

    def version(self) -> int:
        try:
            return int(self._db.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def set_version(self, version: int) -> None:
        self.execute(f"PRAGMA user_version={version}")

    def has_table(self, name: str) -> bool:
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OverflowError) as error:
                raise StateError(f"{self.place}: cannot be {what}: {error}") from None

    def _unusable(self, error: sqlite3.Error) -> StateError:
        return StateError(f"{self.place}: not a usable monitor store: {error}; move it away or choose another")


def _connect(path: Path | None, readonly: bool) -> sqlite3.Connection:
    place, uri = (f"{path.resolve().as_uri()}?mode=ro", True) if path and readonly else (path or ":memory:", False)
    return sqlite3.connect(place, timeout=WAIT_S, isolation_level=None, check_same_thread=False, uri=uri)
