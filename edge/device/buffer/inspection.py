"""Inspection of a buffer for people: figures, a thorough check, and making it small. The daemon may run meanwhile,
but for :func:`vacuum`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.device.buffer.eviction import tally, used_bytes
from edge.device.buffer.lock import locked
from edge.device.buffer.reading import entries
from edge.device.buffer.schema import VERSION, open_reader
from edge.errors import StateError
from edge.protocol.record import unpack

KINDS = ("predictions", "audit", "drift", "stats", "event")


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Figures of one kind: rows, what is in them (records, or as many messages), and rows that wait for delivery."""

    entries: int
    items: int
    pending: int
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """``file_bytes`` with the log beside it; ``evicted`` and ``evicted_undelivered`` since the file was made."""

    path: Path
    file_bytes: int
    used_bytes: int
    boots: int
    kinds: dict[str, KindFigures]
    evicted: int
    evicted_undelivered: int


def open_buffer_file(path: Path) -> sqlite3.Connection:
    """Read only. ``path``: the file or its state folder. Raises StateError where there is no buffer."""
    file = buffer_file(path)
    if not file.is_file():
        raise StateError(f"{path}: no buffer there; expected a state folder, or a buffer.db")
    db = open_reader(file)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        db.close()
        raise StateError(f"{file}: cannot be read ({error}); the daemon sets a damaged one aside") from None
    if version != VERSION:
        db.close()
        raise StateError(f"{file}: schema {version}; this edgeline reads {VERSION}")
    return db


def buffer_file(path: Path) -> Path:
    """``buffer.db`` in a state folder, or the file itself."""
    return path / "buffer.db" if path.is_dir() else path


def figures(path: Path) -> Figures:
    """Raises StateError."""
    file = buffer_file(path)
    with closing(open_buffer_file(path)) as db:
        rows = db.execute(
            "SELECT kind, count(*), sum(count), count(outbox.id), sum(length(payload)) "
            "FROM entry LEFT JOIN outbox ON outbox.id = entry.id GROUP BY kind ORDER BY kind"
        )
        return Figures(
            path=file,
            file_bytes=sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*") if _is_part(part, file)),
            kinds={kind: KindFigures(*counts) for kind, *counts in rows},
            used_bytes=used_bytes(db),
            boots=db.execute("SELECT count(*) FROM boot").fetchone()[0],
            evicted=tally(db, "evicted"),
            evicted_undelivered=tally(db, "evicted_undelivered"),
        )


def verify(path: Path) -> Iterator[str]:
    """Every fault that a look at each byte finds: none is the good answer. Raises StateError when it is no buffer."""
    with closing(open_buffer_file(path)) as db:
        try:
            verdicts = [row[0] for row in db.execute("PRAGMA integrity_check(20)")]
            yield from (f"SQLite: {verdict}" for verdict in verdicts if verdict != "ok")
            lost = "SELECT count(*) FROM outbox WHERE id NOT IN (SELECT id FROM entry)"
            if count := db.execute(lost).fetchone()[0]:
                yield f"{count} rows wait for delivery that are not there"
            for kind in KINDS:
                yield from _damaged(db, kind)
        except sqlite3.Error as error:
            yield f"SQLite: {error}"


def vacuum(path: Path) -> tuple[int, int]:
    """Gives free room back to the file system; bytes of the file before and after. Raises StateError while a daemon
    runs, or where there is no room for the copy that this takes.
    """
    file = buffer_file(path)
    open_buffer_file(path).close()
    with locked(file.parent), closing(sqlite3.connect(file, isolation_level=None)) as db:
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            before = file.stat().st_size
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise StateError(f"{file}: cannot be made smaller ({error}); nothing was changed") from None
    return before, file.stat().st_size


def _damaged(db: sqlite3.Connection, kind: str) -> Iterator[str]:
    for entry in entries(db, kind):
        try:
            if kind == "predictions":
                count = sum(1 for _ in unpack(entry.payload))
                if count != entry.count:
                    yield f"row {entry.id} ({kind}): {count} records, expected {entry.count}"
            else:
                json.loads(entry.payload)
        except ValueError as error:
            yield f"row {entry.id} ({kind}): {error if entry.payload else 'cannot be unpacked'}"


def _is_part(part: Path, file: Path) -> bool:
    return part.name in (file.name, f"{file.name}-wal", f"{file.name}-shm")
