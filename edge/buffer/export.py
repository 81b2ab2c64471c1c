"""What a buffer holds, as a table for other programs: CSV, JSON lines, or Parquet where pyarrow is installed."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO, get_type_hints

from edge.buffer.reading import entries
from edge.errors import ConfigError, MissingError, StateError
from edge.record import CLOCK_CORRECTED, REJECTED, unpack
from edge.sync.payload import believed

Format = Literal["csv", "jsonl", "parquet"]
_GROUP = 50_000


class Row(NamedTuple):
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


def predictions(db: sqlite3.Connection) -> Iterator[Row]:
    """All records, oldest first. Raises StateError for a damaged row."""
    for entry in entries(db, "predictions"):
        try:
            records = list(believed(unpack(entry.payload), entry.offset_ns))
        except ValueError as error:
            raise StateError(f"row {entry.id}: {error}; 'edge buffer verify' names all of them") from None
        for r in records:
            yield Row(
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


def format_of(out: Path | None, wanted: Format | None, kind: str) -> Format:
    """From the option, or the file's suffix. Raises ConfigError."""
    suffix = out.suffix.lstrip(".") if out else "jsonl"
    found: str = wanted or suffix
    if found not in ("csv", "jsonl", "parquet"):
        raise ConfigError(f"{out}: expected a name that ends in .csv, .jsonl or .parquet, or --format")
    if found != "jsonl" and kind != "predictions":
        raise ConfigError(f"--format {found}: only predictions are a table; {kind} can be exported as jsonl")
    if found == "parquet" and out is None:
        raise ConfigError("--format parquet: expected a file to write to; give --out FILE.parquet")
    return found  # type: ignore[return-value]


def export(db: sqlite3.Connection, kind: str, out: Path | None, form: Format) -> int:
    """To ``out``, which appears when it is whole, or to standard output. How many were written.

    Raises StateError when the file cannot be written or a row is damaged, MissingError without pyarrow.
    """
    if out is None:
        return _write_text(db, kind, sys.stdout, form)
    draft = out.with_name(f"{out.name}.draft")
    try:
        if form == "parquet":
            count = _write_parquet(predictions(db), draft)
        else:
            with draft.open("w", encoding="utf-8", newline="") as file:
                count = _write_text(db, kind, file, form)
        draft.replace(out)
    except StateError:
        raise
    except OSError as error:
        raise StateError(f"{out}: cannot be written ({error.strerror}); name a file elsewhere") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return count


def _write_text(db: sqlite3.Connection, kind: str, file: TextIO, form: Format) -> int:
    count = 0
    if form == "csv":
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        for count, row in enumerate(predictions(db), start=1):  # noqa: B007
            writer.writerow(row)
        return count
    lines = (json.dumps(row._asdict()) for row in predictions(db)) if kind == "predictions" else messages(db, kind)
    for count, line in enumerate(lines, start=1):  # noqa: B007
        file.write(line + "\n")
    return count


def _write_parquet(rows: Iterator[Row], path: Path) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingError(
            "pyarrow is not installed; Parquet needs it: pip install pyarrow, or --format csv"
        ) from None
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in get_type_hints(Row).items()])
    count = 0
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(islice(rows, _GROUP)):
            columns: list[Any] = [list(column) for column in zip(*group, strict=True)]
            writer.write_table(pa.table(columns, schema=schema))
            count += len(group)
    return count


def _iso(wall_ns: int) -> str:
    try:
        return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):
        return ""
