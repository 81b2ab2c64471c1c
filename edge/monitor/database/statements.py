"""Statements that both engines understand, made of names that the code chose and never of what came in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache


def marks(count: int) -> str:
    """``?, ?, ?``"""
    return ", ".join("?" * count)


def insert(table: str, columns: Sequence[str]) -> str:
    """Inserts a row unless its key is there."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks(len(columns))}) ON CONFLICT DO NOTHING"


@lru_cache
def upsert(table: str, columns: tuple[str, ...], key: int = 1) -> str:
    """Inserts a row, or replaces the one with the same key, which is the first ``key`` columns."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns[key:])
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks(len(columns))}) "
        f"ON CONFLICT ({', '.join(columns[:key])}) DO UPDATE SET {changes}"
    )
