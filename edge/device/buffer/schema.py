"""The tables, and how the database is opened.

Records are packed, many to a row: an SD card dies of commits, not of bytes. ``outbox`` names the rows that nobody
has acknowledged yet, so an acknowledgement touches a few bytes and never a payload. What a commit writes is whole
pages, so they are small, and nothing but the rows themselves changes with each of them: ids are given by the writer
(AUTOINCREMENT would write a page of its own every time), counts are kept in memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from pathlib import Path

from edge.errors import StateError

VERSION = 2
PAGE_BYTES = 1024
"""A commit of 150 records writes 10 kB with these, 18 kB with SQLite's default of 4096, 25 kB with 8192."""
CHECKPOINT_PAGES = 1000
"""The log is written over and over in place up to this size, 1 MB: as it does not grow, the file system has nothing
to note in its journal. Four times as much saves 2 % of the writing."""
LOG_MOST_BYTES = 16 << 20
"""A log that a slow reader made grow is cut back to this."""
_STORAGE_TROUBLE = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO)

TABLES = """
CREATE TABLE boot (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    boot_id      TEXT NOT NULL UNIQUE,
    wall_ns      INTEGER NOT NULL,               -- when the daemon started, by its own clock
    offset_ns    INTEGER NOT NULL,               -- wall minus monotonic clock, as last seen in this boot
    synchronized INTEGER                         -- 1: a time service had set the wall clock; NULL: unknown
);
CREATE TABLE entry (
    id        INTEGER PRIMARY KEY,               -- never used twice while the daemon runs
    kind      TEXT NOT NULL,                     -- predictions | audit | drift | stats | event
    boot_id   TEXT NOT NULL,
    seq       INTEGER NOT NULL,                  -- of the first record, or the window's number
    count     INTEGER NOT NULL,                  -- records in the payload, or 1
    model     TEXT NOT NULL,
    offset_ns INTEGER,                           -- of the clock, when a message was made
    payload   BLOB NOT NULL                      -- packed records, or a finished JSON message
);
CREATE TABLE outbox (id INTEGER PRIMARY KEY);    -- entries that wait for an acknowledgement
CREATE TABLE tally (
    name      TEXT PRIMARY KEY,                  -- evicted, evicted_undelivered
    value     INTEGER NOT NULL
);
"""
LATER_TABLES = """
CREATE TABLE IF NOT EXISTS judge (
    boot_id   TEXT NOT NULL,
    first_seq INTEGER NOT NULL,                  -- of the first record that it judged
    model     TEXT NOT NULL,
    version   INTEGER NOT NULL,
    labels    TEXT NOT NULL,                     -- JSON, what a record's label is an index of
    PRIMARY KEY (boot_id, first_seq)
) WITHOUT ROWID;
"""
"""Added since schema 2: an older edgeline that finds them passes over them."""


def open_writer(path: Path, cap_bytes: int) -> tuple[sqlite3.Connection, Path | None]:
    """The only writing connection, and the place a damaged file was set aside to, if there was one.

    Raises StateError when the folder cannot be written or the file belongs to a newer SDK; OSError or sqlite3.Error
    as it came when the storage itself is at fault (full, read only, failing), which may pass.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _open_sound(path, cap_bytes)
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, StateError) or storage_trouble(path.parent) is not None:
            raise
        raise StateError(
            f"{path}: cannot be opened for writing ({error}); check the folder's owner and space"
        ) from None


def open_reader(path: Path) -> sqlite3.Connection:
    """Read only, for one other thread or process."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)


def storage_trouble(folder: Path) -> str | None:
    """Why the storage under ``folder`` takes no new file, if it is the storage and not the rights; tried out."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        probe.write_bytes(b"\0" * 65_536)
    except OSError as error:
        return error.strerror if error.errno in _STORAGE_TROUBLE else None
    else:
        return None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _open_sound(path: Path, cap_bytes: int) -> tuple[sqlite3.Connection, Path | None]:
    try:
        return _open(path, cap_bytes), None
    except sqlite3.DatabaseError as error:
        # OperationalError is about the file's surroundings (space, rights): the data may be whole.
        if isinstance(error, sqlite3.OperationalError):
            raise
        aside = _set_aside(path)
        return _open(path, cap_bytes), aside


def _open(path: Path, cap_bytes: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        _check_sound(connection)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit={LOG_MOST_BYTES}")
        # Rows are written once and read once, in order: a larger cache only grows for the first hours.
        connection.execute("PRAGMA cache_size=-256")
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={max(64, cap_bytes // page_size)}")
        _create(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_sound(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _create(path: Path, connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StateError(f"{path}: written by a newer edgeline (schema {version}); update, or move the file away")
    if 0 < version < VERSION:
        raise sqlite3.DatabaseError(f"schema {version} is from before the first release")
    if version == 0:
        connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")
    connection.executescript(LATER_TABLES)


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        extra = path.with_name(path.name + suffix)
        if extra.exists():
            extra.rename(aside.with_name(aside.name + suffix))
    return aside
