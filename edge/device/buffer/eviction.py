"""Eviction when the buffer is full: predictions before audits before drift windows, the oldest first."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

EVICT_ABOVE, EVICT_TO = 0.9, 0.85
"""Shares of the cap: room is made from the one on, down to the other, so that a commit never meets the cap itself."""
_BATCH = 64
_CLASSES = ("kind = 'predictions'", "kind = 'audit'", "kind NOT IN ('predictions', 'audit')")


class Removed(NamedTuple):
    """Rows that made room; ``pending`` of them were in the outbox."""

    entries: int
    pending: int


def make_room(db: sqlite3.Connection, cap_bytes: int) -> Removed:
    """Drops entries, inside the caller's transaction, where more than EVICT_ABOVE of the cap is in use.

    Counted in ``tally``: ``evicted`` records and messages, and how many of them nobody had acknowledged yet.
    """
    entries = pending = 0
    if used_bytes(db) > cap_bytes * EVICT_ABOVE:
        while used_bytes(db) > cap_bytes * EVICT_TO and (removed := _evict_some(db)).entries:
            entries, pending = entries + removed.entries, pending + removed.pending
    return Removed(entries, pending)


def used_bytes(db: sqlite3.Connection) -> int:
    """Bytes of live pages."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def tally(db: sqlite3.Connection, name: str) -> int:
    """A counter that is kept for the life of the file."""
    row = db.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def count(db: sqlite3.Connection, name: str, more: int) -> None:
    """Adds to a counter."""
    db.execute(
        "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, more),
    )


def _evict_some(db: sqlite3.Connection) -> Removed:
    return next((removed for kinds in _CLASSES if (removed := _drop(db, kinds)).entries), Removed(0, 0))


def _drop(db: sqlite3.Connection, kinds: str) -> Removed:
    oldest = f"(SELECT id FROM entry WHERE {kinds} ORDER BY id LIMIT {_BATCH})"
    total = f"SELECT coalesce(sum(count), 0) FROM entry WHERE id IN {oldest}"
    count(db, "evicted_undelivered", db.execute(f"{total} AND id IN (SELECT id FROM outbox)").fetchone()[0])
    count(db, "evicted", db.execute(total).fetchone()[0])
    pending = db.execute(f"DELETE FROM outbox WHERE id IN {oldest}").rowcount
    return Removed(db.execute(f"DELETE FROM entry WHERE id IN {oldest}").rowcount, pending)
