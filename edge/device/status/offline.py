"""Status from a state folder when no daemon runs on it. Nothing in it is written or made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from edge.errors import StateError
from edge.protocol.record import unpack


@dataclass(frozen=True, slots=True)
class OfflineStatus:
    """Wall clocks are those of the device. None where there is nothing yet."""

    boots: int
    boot_id: str | None
    """The last daemon's."""
    started_ns: int | None
    last_decision_ns: int | None
    """Capture of the last frame whose record is in the buffer."""
    model: str | None
    entries: int
    pending: int
    evicted: int
    bytes: int
    """Bytes of the database and its log on the disk."""
    damaged: int
    """Buffers that were set aside because they were damaged."""


def look_into(folder: Path) -> OfflineStatus | None:
    """None where no daemon has ever run. Raises StateError when the buffer cannot be read."""
    path = folder / "buffer.db"
    try:
        if not path.exists():
            return None
        size = sum(part.stat().st_size for part in (path, _beside(path, "-wal")) if part.exists())
        damaged = len(
            [aside for aside in folder.glob("buffer.db.damaged-*") if aside.suffix.rpartition("-")[2].isdigit()]
        )
        with _reading(path) as db:
            return _read(db, size, damaged)
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"{path}: cannot be read ({error}); read it as the daemon's user") from None


def _read(db: sqlite3.Connection, size: int, damaged: int) -> OfflineStatus:
    boots, last = db.execute("SELECT count(*), max(number) FROM boot").fetchone()
    boot = db.execute("SELECT boot_id, wall_ns FROM boot WHERE number = ?", (last,)).fetchone() or (None, None)
    evicted = db.execute("SELECT value FROM tally WHERE name = 'evicted'").fetchone()
    newest = db.execute(
        "SELECT model, payload FROM entry WHERE kind = 'predictions' ORDER BY id DESC LIMIT 1"
    ).fetchone() or (None, b"")
    return OfflineStatus(
        boots=boots,
        boot_id=boot[0],
        started_ns=boot[1],
        last_decision_ns=_last_decision_ns(newest[1]),
        model=newest[0],
        entries=db.execute("SELECT count(*) FROM entry").fetchone()[0],
        pending=db.execute("SELECT count(*) FROM outbox").fetchone()[0],
        evicted=evicted[0] if evicted else 0,
        bytes=size,
        damaged=damaged,
    )


def _last_decision_ns(payload: bytes) -> int | None:
    try:
        return max((record.wall_ns for record in unpack(payload)), default=None)
    except ValueError:
        return None


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A log that a killed daemon left is read with the file, through the index beside it. Where there is no log, or
    its index would have to be made first, the file is read by itself: for another user to make one here would lock
    the daemon out of its own buffer.
    """
    log, index = _beside(path, "-wal"), _beside(path, "-shm")
    how = "mode=ro" if log.exists() and index.exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=1.0)) as db:
        yield db
