"""A store of an earlier version becomes one of this version, all of it or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.monitor.database.backfill import fill_second
from edge.monitor.database.engine import Engine
from edge.monitor.database.steps import FIRST, FIRST_LATER, SECOND

VERSION = 2


def migrate(engine: Engine) -> None:
    """Brings the schema to VERSION. Raises StateError; the store is then as it was."""
    if engine.version() == VERSION:
        return
    with engine.transaction():
        version = engine.version()  # another monitor may have done it meanwhile
        if version < 1:
            run_step(engine, FIRST)
        if version < 2:
            run_step(engine, FIRST_LATER)
            run_step(engine, SECOND)
            fill_second(engine)
        engine.set_version(VERSION)


def run_step(engine: Engine, step: str) -> None:
    """All statements of one step. Raises StateError."""
    for statement in _statements(step):
        engine.execute(statement.format_map(engine.types))


def _statements(step: str) -> Iterator[str]:
    """One by one, without comments: not every engine takes several at once."""
    for statement in re.sub(r" *--[^\n]*", "", step).split(";"):
        if statement.strip():
            yield statement.strip()
