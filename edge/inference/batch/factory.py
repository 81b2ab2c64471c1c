"""From a file's name to a sink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from edge.errors import ConfigError
from edge.inference.batch.csv_format import CsvFormat
from edge.inference.batch.database import Database
from edge.inference.batch.json_format import JsonFormat
from edge.inference.batch.lines import LineFile, LineFormat
from edge.inference.batch.row import Written
from edge.inference.batch.sink import BatchSink

LINES: dict[str, Callable[[Written], LineFormat]] = {".csv": CsvFormat, ".jsonl": JsonFormat, ".ndjson": JsonFormat}
DATABASES = (".db", ".sqlite")

IfThere = Literal["refuse", "resume", "overwrite"]


def check_out(path: Path, if_there: IfThere) -> None:
    """Raises ConfigError when results may not or cannot go to ``path``; before anything is loaded or written."""
    if path.suffix.lower() not in (*LINES, *DATABASES):
        raise ConfigError(f"--out {path}: expected a name that ends in {', '.join((*LINES, *DATABASES))}")
    if not path.parent.is_dir() or (path.exists() and not path.is_file()):
        raise ConfigError(f"--out {path}: expected a file in a folder that exists")
    if if_there == "refuse" and path.exists():
        raise ConfigError(f"{path}: already there; continue it with --resume, or replace it with --overwrite")


def open_sink(path: Path, written: Written, if_there: IfThere) -> BatchSink:
    """CSV, JSON lines or SQLite, by the name's end. Raises ConfigError, StateError."""
    check_out(path, if_there)
    resume = if_there == "resume"
    form = LINES.get(path.suffix.lower())
    if form is None:
        return Database(path, written, resume=resume)
    return LineFile(path, form(written), written, resume=resume)
