"""From an address to an engine whose tables are those of this version."""

from __future__ import annotations

from pathlib import Path

from edge.errors import StateError
from edge.monitor.database.engine import Engine
from edge.monitor.database.migrations import VERSION, migrate
from edge.monitor.database.sqlite import SqliteEngine

SCHEMES = ("postgresql://", "postgres://")


def open_engine(address: Path | str | None, *, readonly: bool = False) -> Engine:
    """``address`` is a file, ``postgresql://…``, or None for memory.

    Raises StateError when it cannot be used, MissingError when the extra for it is not installed.
    """
    engine = _connect(address, readonly)
    try:
        _check(engine, readonly)
        if not readonly:
            migrate(engine)
    except BaseException:
        engine.close()
        raise
    return engine


def _check(engine: Engine, readonly: bool) -> None:
    version = engine.version()
    if version > VERSION:
        raise StateError(
            f"{engine.place}: written by a newer edgeline (schema {version}); update, or choose another store"
        )
    if readonly and version < VERSION:
        raise StateError(f"{engine.place}: not a store of this version; run edge monitor --store with it once")


def _connect(address: Path | str | None, readonly: bool) -> Engine:
    if isinstance(address, str) and address.startswith(SCHEMES):
        from edge.monitor.database.postgres import PostgresEngine

        return PostgresEngine(address, readonly=readonly)
    return SqliteEngine(Path(address) if address is not None else None, readonly=readonly)
