"""Health of each minute becomes health of each ten minutes: means of rates and latencies, the last of each count."""

from __future__ import annotations

from collections.abc import Sequence

from edge.monitor.database import DatabaseRow, Engine
from edge.monitor.store.tombstones import remember

SPAN_NS = 600 * 10**9
ROWS = 500
_MEANS = ("fps", "p50_us", "p99_us", "cpu_share")


def thin_health(engine: Engine, before_ns: int) -> int:
    """Messages of one boot from stretches that are over; how many there were. The last of each stays, as the mean."""
    end_ns = before_ns // SPAN_NS * SPAN_NS
    oldest = "SELECT boot FROM health WHERE covers_ns = 0 AND received_ns < ? ORDER BY received_ns LIMIT 1"
    first = engine.query(oldest, (end_ns,))
    if not first:
        return 0
    rows = engine.query(
        f"SELECT boot, seq, received_ns, {', '.join(_MEANS)} FROM health "
        "WHERE boot = ? AND covers_ns = 0 AND received_ns < ? ORDER BY received_ns, seq LIMIT ?",
        (first[0][0], end_ns, ROWS),
    )
    groups: dict[int, list[DatabaseRow]] = {}
    for row in rows:
        groups.setdefault(row[2] // SPAN_NS, []).append(row)
    for group in groups.values():
        _thin(engine, group)
    return len(rows)


def _thin(engine: Engine, rows: Sequence[DatabaseRow]) -> None:
    *others, last = rows
    changes = ", ".join(f"{name} = ?" for name in (*_MEANS, "covers_ns"))
    means = [_mean(column) for column in list(zip(*rows, strict=True))[3:]]
    engine.execute(f"UPDATE health SET {changes} WHERE boot = ? AND seq = ?", (*means, SPAN_NS, last[0], last[1]))
    engine.executemany("DELETE FROM health WHERE boot = ? AND seq = ?", [row[:2] for row in others])
    remember(engine, "health", [row[:2] for row in others])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
