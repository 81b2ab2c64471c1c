"""The tuning file: what was measured, for each model and machine. JSON, written whole and renamed into place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.atomic import write_whole
from edge.core.structs import build, plain
from edge.errors import ConfigError, StateError
from edge.inference.interpreter.machine import Machine
from edge.inference.tuning.choice import SetupTiming

SCHEMA = 1
KEPT = 32
"""Entries in one file; the oldest go first."""


@dataclass(frozen=True, slots=True)
class TuningRun:
    """One run of ``edge bench --tune``."""

    model: str
    """SHA-256 of the flatbuffer."""
    machine: Machine
    created: str
    """UTC, RFC 3339."""
    frame: str
    """Width×height of the frames that were judged."""
    measured: tuple[SetupTiming, ...]


def read_entries(path: Path) -> list[TuningRun]:
    """The oldest first; none when there is no file. Raises ConfigError for a file that is no tuning file."""
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        if data.get("schema") != SCHEMA:
            raise ConfigError(f"schema {data.get('schema')!r}; expected {SCHEMA}")
        return [build(TuningRun, item, "entry", strict=False) for item in data["entries"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        reason = str(error) if isinstance(error, ConfigError | OSError) else "not what 'edge bench --tune' writes"
        raise ConfigError(f"{path}: {reason}; run 'edge bench --tune' again, or remove the file") from None


def write_entry(path: Path, entry: TuningRun) -> None:
    """In place of what is there for the same model and machine. A damaged file is replaced. Raises StateError."""
    try:
        others = [old for old in read_entries(path) if (old.model, old.machine) != (entry.model, entry.machine)]
    except ConfigError:
        others = []
    kept = [*others[1 - KEPT :], entry]
    text = json.dumps({"schema": SCHEMA, "entries": plain(kept)}, indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror}); use --config for a state folder") from None
