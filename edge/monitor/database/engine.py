"""Engine of a store: plain SQL with ``?`` for values, one writer at a time, durable commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

DatabaseRow = tuple[Any, ...]


class Engine(Protocol):
    """One connection; each call may come from any thread and waits for the one before it."""

    place: str
    """File or address, without a password: what messages begin with."""
    types: Mapping[str, str]
    """Meaning of the names in braces of the schema: id, text, blob, clustered."""

    def query(self, sql: str, values: Sequence[object] = ()) -> list[DatabaseRow]:
        """All rows. Raises StateError."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Executes a statement; returns how many rows it changed. Raises StateError."""

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for many rows. Raises StateError."""

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[DatabaseRow]) -> list[DatabaseRow]:
        """Inserts what is not there yet; returns the keys (first two columns) of what was not. Raises StateError."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, and no other writer meanwhile, in whatever process. Durable at its end.

        Raises StateError; nothing of it is stored then.
        """

    def version(self) -> int:
        """Version of the schema; 0 in a new database."""

    def set_version(self, version: int) -> None: ...

    def has_table(self, name: str) -> bool: ...

    def close(self) -> None: ...
