"""Numbers of messages that were here once and are no longer: whoever sends them again sends nothing new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge.monitor.database import Engine, marks, upsert


def remember(engine: Engine, table: str, rows: Iterable[Sequence[int]]) -> None:
    """Remembers that these numbers of these boots, and those below, have been here."""
    last: dict[int, int] = {}
    for boot, seq in rows:
        last[boot] = max(seq, last.get(boot, -1))
    known = forgotten(engine, table, set(last))
    new = [(boot, table, max(seq, known.get(boot, -1))) for boot, seq in sorted(last.items())]
    engine.executemany(upsert("forgotten", ("boot", "kind", "seq"), 2), new)


def forgotten(engine: Engine, table: str, boots: set[int]) -> dict[int, int]:
    """The largest forgotten number of each boot that has one."""
    sql = f"SELECT boot, seq FROM forgotten WHERE kind = ? AND boot IN ({marks(len(boots)) or 'NULL'})"
    return {row[0]: row[1] for row in engine.query(sql, (table, *sorted(boots)))}
