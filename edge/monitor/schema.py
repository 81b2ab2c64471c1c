"""The monitor's tables. A message that came twice meets its own primary key."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge.errors import StateError

VERSION = 1

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE device (
    device      TEXT PRIMARY KEY,
    site        TEXT NOT NULL DEFAULT '',
    line        TEXT NOT NULL DEFAULT '',
    model       TEXT NOT NULL DEFAULT '',
    version     INTEGER NOT NULL DEFAULT 0,
    boot_id     TEXT NOT NULL DEFAULT '',      -- of the last status or health
    state       TEXT NOT NULL DEFAULT '',      -- online | offline
    health      TEXT,                          -- the last one, JSON
    seen_ns     INTEGER NOT NULL DEFAULT 0,    -- the monitor's wall clock
    predictions INTEGER NOT NULL DEFAULT 0,    -- records stored
    set_aside   INTEGER NOT NULL DEFAULT 0     -- messages that could not be read
);
CREATE TABLE boot (id INTEGER PRIMARY KEY, device TEXT NOT NULL, boot_id TEXT NOT NULL, UNIQUE (device, boot_id));
CREATE TABLE model (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, labels TEXT NOT NULL,
    UNIQUE (name, version, labels)
);
CREATE TABLE record (
    boot INTEGER REFERENCES boot, seq INTEGER, model INTEGER REFERENCES model,
    captured_ns INTEGER, wall_ns INTEGER, latency_us INTEGER, score REAL, label INTEGER, flags INTEGER,
    camera INTEGER, part INTEGER, belt_px INTEGER,
    PRIMARY KEY (boot, seq)
) WITHOUT ROWID;
CREATE TABLE drift (
    boot INTEGER REFERENCES boot, seq INTEGER, model TEXT, start_ns INTEGER, drifted INTEGER, received_ns INTEGER,
    message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
CREATE TABLE stats (
    boot INTEGER REFERENCES boot, seq INTEGER, model TEXT, received_ns INTEGER, message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
CREATE TABLE set_aside (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
    payload BLOB NOT NULL, received_ns INTEGER NOT NULL
);
"""

LATER_TABLES = """
CREATE TABLE IF NOT EXISTS audit (
    boot INTEGER REFERENCES boot, seq INTEGER, request TEXT, record_seq INTEGER, received_ns INTEGER,
    message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
CREATE TABLE IF NOT EXISTS event (
    boot INTEGER REFERENCES boot, seq INTEGER, camera TEXT, fault TEXT, active INTEGER, since_ns INTEGER,
    received_ns INTEGER, message TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
);
CREATE TABLE IF NOT EXISTS slots (device TEXT PRIMARY KEY, message TEXT NOT NULL);  -- the last one of each
"""
"""Added since version 1: an older edge-sdk that finds them passes over them."""


def open_store(path: Path | None) -> sqlite3.Connection:
    """The one connection to the file, or to memory. Raises StateError."""
    try:
        db = sqlite3.connect(path or ":memory:", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        # FULL: a message is acknowledged to the broker after the commit, and the broker then forgets it.
        db.execute("PRAGMA synchronous=FULL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")
        if version <= VERSION:
            db.executescript(LATER_TABLES)
    except sqlite3.Error as error:
        raise StateError(f"{path}: not a usable monitor store: {error}; move it away or choose another") from None
    if version > VERSION:
        raise StateError(f"{path}: written by a newer edge-sdk (schema {version}); update, or choose another store")
    return db
