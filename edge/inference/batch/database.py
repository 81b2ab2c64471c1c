"""SQLite: a table ``prediction``, committed once a second."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from pathlib import Path

from edge.errors import ConfigError, StateError
from edge.inference.batch.row import BatchRow, Written

COMMIT_S = 1.0
COMMIT_ROWS = 1000

_TABLES = """
BEGIN;
CREATE TABLE written (model TEXT NOT NULL, labels TEXT NOT NULL);
CREATE TABLE prediction (
    path TEXT NOT NULL, frame INTEGER NOT NULL, label TEXT NOT NULL, score REAL,
    scores TEXT NOT NULL, -- JSON: label to score
    error TEXT NOT NULL,
    UNIQUE (path, frame)
);
"""


class Database:
    """A :class:`~edge.inference.batch.sink.BatchSink` into a SQLite file, which one job at a time writes."""

    def __init__(self, path: Path, written: Written, *, resume: bool) -> None:
        """Begins ``path`` anew, or carries it on. Raises ConfigError when it holds something else, StateError."""
        self._path, self._written = path, written
        self._waiting, self._committed = 0, time.monotonic()
        try:
            if not resume:
                _remove(path)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            try:
                self._begin()
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(error) from None

    def is_done(self, path: str, frame: int) -> bool:
        key = (path, frame)
        return self._db.execute("SELECT 1 FROM prediction WHERE path = ? AND frame = ?", key).fetchone() is not None

    def put(self, row: BatchRow) -> None:
        scores = json.dumps(dict(zip(self._written.labels, row.scores, strict=False)), ensure_ascii=False)
        try:
            self._db.execute(
                "INSERT INTO prediction VALUES (?, ?, ?, ?, ?, ?)",
                (row.path, row.frame, row.label, row.score, scores, row.error),
            )
            self._waiting += 1
            if self._waiting >= COMMIT_ROWS or time.monotonic() - self._committed >= COMMIT_S:
                self._db.execute("COMMIT")
                self._db.execute("BEGIN")
                self._waiting, self._committed = 0, time.monotonic()
        except sqlite3.Error as error:
            raise self._refusal(error) from None
        self.tally[row.label] += 1

    def close(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._refusal(error) from None
        finally:
            self._db.close()

    def _begin(self) -> None:
        # One writer, and it keeps its lock between two commits.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("BEGIN EXCLUSIVE")
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self._db.execute("COMMIT")
        if not tables:
            self._db.executescript(_TABLES)
            labels = json.dumps(self._written.labels, ensure_ascii=False)
            self._db.execute("INSERT INTO written VALUES (?, ?)", (self._written.model, labels))
            self._db.execute("COMMIT")
        elif not {"written", "prediction"} <= tables:
            raise self._foreign("it has other tables")
        model = self._db.execute("SELECT model FROM written").fetchone()
        if model is None or model[0] != self._written.model:
            raise self._foreign(f"it was made by {model[0] if model else 'nobody'}")
        self.tally = Counter(dict(self._db.execute("SELECT label, count(*) FROM prediction GROUP BY label")))
        self._db.execute("BEGIN")

    def _foreign(self, reason: str) -> ConfigError:
        return ConfigError(
            f"{self._path}: not a result of this model that could be continued ({reason}); "
            "choose another file, or --overwrite"
        )

    def _refusal(self, error: Exception) -> ConfigError | StateError:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return ConfigError(f"{self._path}: another job writes into it; wait for it, or choose another file")
        if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
            return self._foreign("it is no SQLite database")
        return StateError(f"{self._path}: cannot be written ({error}); what is in it stays, continue with --resume")


def _remove(path: Path) -> None:
    for name in (path, path.with_name(path.name + "-journal"), path.with_name(path.name + "-wal")):
        name.unlink(missing_ok=True)
