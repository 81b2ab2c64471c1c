"""Which frames are done, in bounded memory."""

from __future__ import annotations

import sqlite3


class SeenFrames:
    """A set of ``(path, frame)`` in a temporary database, which SQLite moves to a disk when it grows."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE seen (path TEXT, frame INTEGER, PRIMARY KEY (path, frame)) WITHOUT ROWID; BEGIN"
        )

    def add(self, path: str, frame: int) -> None:
        self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (path, frame))

    def __contains__(self, key: tuple[str, int]) -> bool:
        return self._db.execute("SELECT 1 FROM seen WHERE path = ? AND frame = ?", key).fetchone() is not None

    def close(self) -> None:
        self._db.close()
