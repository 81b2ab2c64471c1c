"""Rows into a file for other programs: CSV, JSON lines, or Parquet where pyarrow is installed."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO, get_type_hints

from edge.errors import ConfigError, MissingError, StateError

TableFormat = Literal["csv", "jsonl", "parquet"]
FORMATS: tuple[TableFormat, ...] = ("csv", "jsonl", "parquet")
_GROUP = 50_000


class Table(NamedTuple):
    """Columns by name, each of str, int, float or bool; values may be None too."""

    columns: dict[str, type]
    rows: Iterable[tuple[Any, ...]]


def columns_of(kind: type) -> dict[str, type]:
    """Columns of a NamedTuple or dataclass of plain values."""
    return {name: _plain_type(hint) for name, hint in get_type_hints(kind).items()}


def format_of(out: Path | None, wanted: TableFormat | None = None) -> TableFormat:
    """From the option, or the file's suffix; for standard output JSON lines. Raises ConfigError."""
    suffix = out.suffix.lstrip(".") if out else "jsonl"
    found = wanted or suffix
    if found not in FORMATS:
        raise ConfigError(f"{out}: expected a name that ends in .csv, .jsonl or .parquet, or --format")
    if found == "parquet" and out is None:
        raise ConfigError("--format parquet: expected a file to write to; give --out FILE.parquet")
    return next(form for form in FORMATS if form == found)


def write_table(table: Table, out: Path | None, form: TableFormat) -> int:
    """Writes a table to ``out``, which appears when it is whole, or to standard output; returns the number of rows.
    How many rows were written.

    Raises StateError when the file cannot be written, MissingError without pyarrow.
    """
    if out is None:
        return _write_text(table, sys.stdout, form)
    with drafted(out) as draft:
        if form == "parquet":
            return _write_parquet(table, draft)
        with draft.open("w", encoding="utf-8", newline="") as file:
            return _write_text(table, file, form)


@contextlib.contextmanager
def drafted(out: Path) -> Iterator[Path]:
    """A file beside ``out`` that takes its place when the block ends well. Raises StateError."""
    draft = out.with_name(f"{out.name}.draft")
    try:
        yield draft
        draft.replace(out)
    except StateError:
        raise
    except OSError as error:
        raise StateError(f"{out}: cannot be written ({error.strerror}); name a file elsewhere") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _write_text(table: Table, file: TextIO, form: TableFormat) -> int:
    count, names = 0, tuple(table.columns)
    writer = csv.writer(file)
    if form == "csv":
        writer.writerow(names)
    for count, row in enumerate(table.rows, start=1):  # noqa: B007
        if form == "csv":
            writer.writerow(row)
        else:
            file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
    return count


def _write_parquet(table: Table, path: Path) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingError(
            "pyarrow is not installed; Parquet needs it: pip install pyarrow, or --format csv"
        ) from None
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in table.columns.items()])
    count, rows = 0, iter(table.rows)
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(islice(rows, _GROUP)):
            columns: list[Any] = [list(column) for column in zip(*group, strict=True)]
            writer.write_table(pa.table(columns, schema=schema))
            count += len(group)
    return count


def _plain_type(hint: Any) -> type:
    """``float | None`` is a float that may be missing."""
    options = [one for one in getattr(hint, "__args__", (hint,)) if one is not type(None)]
    found: type = options[0]
    return found
