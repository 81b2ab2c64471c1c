"""Export of a buffer as a table for other programs: CSV, JSON lines, or Parquet where pyarrow is installed."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from edge.core.tabular import Table, TableFormat, columns_of, drafted, format_of, write_table
from edge.device.buffer.reading import entries
from edge.device.sync.payload import believed
from edge.errors import ConfigError, StateError
from edge.protocol.record import CLOCK_CORRECTED, REJECTED, unpack


class PredictionRow(NamedTuple):
    """One prediction."""

    boot_id: str
    seq: int
    time: str
    """UTC, ISO 8601."""
    wall_ns: int
    """The wall clock, as it is believed by now."""
    captured_ns: int
    """The monotonic clock of that boot."""
    latency_us: int
    model: str
    model_version: int
    label: int
    score: float
    rejected: bool
    camera: int
    part: int
    belt_px: int
    corrected: bool
    """The clock was set after the capture, and ``wall_ns`` moved with it."""


def predictions(db: sqlite3.Connection) -> Iterator[PredictionRow]:
    """All records, oldest first. Raises StateError for a damaged row."""
    for entry in entries(db, "predictions"):
        try:
            records = list(believed(unpack(entry.payload), entry.offset_ns))
        except ValueError as error:
            raise StateError(f"row {entry.id}: {error}; 'edge buffer verify' names all of them") from None
        for r in records:
            yield PredictionRow(
                entry.boot_id,
                r.seq,
                _iso(r.wall_ns),
                r.wall_ns,
                r.captured_ns,
                r.latency_us,
                entry.model,
                entry.model_version,
                r.label,
                round(r.score, 6),
                bool(r.flags & REJECTED),
                r.camera,
                r.part,
                r.belt_px,
                bool(r.flags & CLOCK_CORRECTED),
            )


def messages(db: sqlite3.Connection, kind: str) -> Iterator[str]:
    """Finished messages of a kind, one JSON object each; damaged ones are passed over."""
    return (entry.payload.decode() for entry in entries(db, kind) if entry.payload)


def format_for(out: Path | None, wanted: TableFormat | None, kind: str) -> TableFormat:
    """Format by :func:`edge.core.tabular.format_of`; only predictions are a table. Raises ConfigError."""
    found = format_of(out, wanted)
    if found != "jsonl" and kind != "predictions":
        raise ConfigError(f"--format {found}: only predictions are a table; {kind} can be exported as jsonl")
    return found


def export(db: sqlite3.Connection, kind: str, out: Path | None, form: TableFormat) -> int:
    """Writes the buffer's rows to ``out``, which appears when it is whole, or to standard output; returns their
    number. How many were written.

    Raises StateError when the file cannot be written or a row is damaged, MissingError without pyarrow.
    """
    if kind == "predictions":
        return write_table(Table(columns_of(PredictionRow), predictions(db)), out, form)
    if out is None:
        return _write_lines(messages(db, kind), sys.stdout)
    with drafted(out) as draft, draft.open("w", encoding="utf-8") as file:
        return _write_lines(messages(db, kind), file)


def _write_lines(lines: Iterator[str], file: TextIO) -> int:
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007
        file.write(line + "\n")
    return count


def _iso(wall_ns: int) -> str:
    try:
        return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):
        return ""
