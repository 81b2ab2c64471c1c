"""All devices at once: one statement each, on the columns of one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from edge.monitor.database import DatabaseRow, Engine, marks
from edge.monitor.queries.reading import Count, Filter, FleetRow, ModelCount, Sort, StoreSummary

COLUMNS = ", ".join(field.name for field in fields(FleetRow))

_PLACE = "site, line, device"
_ORDERS: dict[Sort, tuple[str, ...]] = {
    "place": ("site", "line"),
    "device": (),
    "state": ("state",),
    "model": ("model", "version"),
    "seen": ("seen_ns",),
    "fps": ("fps",),
    "p99": ("p99_us",),
    "dropped": ("dropped",),
    "pending": ("pending",),
    "temperature": ("temperature_c",),
    "drift": ("-drifted", "p_value", "-statistic"),
    "since": ("since_ns",),
}
"""A minus turns a column round, so that ``drift`` ascending begins with the strongest."""
FEATURES = 20
"""Most features in a summary."""


def page(
    engine: Engine, where: Filter, sort: Sort, descending: bool, limit: int, offset: int
) -> tuple[list[FleetRow], int]:
    """Rows and how many there are in all."""
    condition, values = conditions(where)
    rows = engine.query(
        f"SELECT {COLUMNS} FROM device WHERE {condition} ORDER BY {_order(sort, descending)} LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    total = engine.query(f"SELECT count(*) FROM device WHERE {condition}", values)[0][0]
    return [fleet_row(row) for row in rows], int(total)


def fleet_row(row: DatabaseRow) -> FleetRow:
    """From the columns of COLUMNS."""
    result = FleetRow(*row)
    return result if result.drifted is None else replace(result, drifted=bool(result.drifted))


def summary(engine: Engine, where: Filter) -> StoreSummary:
    """Counted in one pass over site and line; features in another."""
    condition, values = conditions(where)
    rows = engine.query(
        "SELECT site, line, count(*), coalesce(sum(drifted), 0), sum(CASE WHEN state = 'offline' THEN 1 ELSE 0 END), "
        "sum(CASE WHEN state = 'online' THEN 1 ELSE 0 END), sum(set_aside) "
        f"FROM device WHERE {condition} GROUP BY site, line ORDER BY site, line",
        values,
    )
    lines = tuple((row[0], Count(row[1], int(row[2]), int(row[3]), int(row[4]))) for row in rows)
    return StoreSummary(
        devices=sum(int(row[2]) for row in rows),
        online=sum(int(row[5]) for row in rows),
        offline=sum(int(row[4]) for row in rows),
        drifted=sum(int(row[3]) for row in rows),
        set_aside=sum(int(row[6]) for row in rows),
        sites=_sites(lines),
        lines=lines,
        features=_features(engine, condition, values),
    )


def models(engine: Engine, where: Filter) -> list[ModelCount]:
    condition, values = conditions(where)
    rows = engine.query(
        "SELECT model, version, slot, state, count(*), coalesce(sum(drifted), 0) "
        f"FROM device WHERE {condition} GROUP BY model, version, slot, state ORDER BY model, version, slot, state",
        values,
    )
    return [ModelCount(row[0], row[1], row[2], row[3], int(row[4]), int(row[5])) for row in rows]


def names(engine: Engine, where: Filter) -> list[str]:
    condition, values = conditions(where)
    return [row[0] for row in engine.query(f"SELECT device FROM device WHERE {condition} ORDER BY device", values)]


def conditions(where: Filter) -> tuple[str, list[object]]:
    """SQL after WHERE, and its values."""
    parts, values = ["device <> ''"], []
    for column in ("site", "line", "model", "version", "state"):
        if (wanted := getattr(where, column)) is not None:
            parts.append(f"{column} = ?")
            values.append(wanted)
    if where.drifted is not None:
        parts.append("coalesce(drifted, 0) = ?")
        values.append(int(where.drifted))
    if where.feature is not None:
        parts.append("drifted = 1 AND feature = ?")
        values.append(where.feature)
    if where.seen_before_ns is not None:
        parts.append("seen_ns < ?")
        values.append(where.seen_before_ns)
    if where.devices is not None:
        parts.append(f"device IN ({marks(len(where.devices))})" if where.devices else "1 = 0")
        values += where.devices
    if where.text:
        parts.append("(" + " OR ".join(f"lower({name}) LIKE ? ESCAPE '!'" for name in _SEARCHED) + ")")
        values += [_pattern(where.text)] * len(_SEARCHED)
    return " AND ".join(parts), values


_SEARCHED = ("device", "site", "line", "model")


def _pattern(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, "!" + special)
    return f"%{text.lower()}%"


def _order(sort: Sort, descending: bool) -> str:
    """Order of rows in which the unknown comes last, either way."""
    parts = []
    for name in _ORDERS[sort]:
        column, turned = name.removeprefix("-"), name.startswith("-") != descending
        parts.append(f"{column} {'DESC' if turned else 'ASC'} NULLS LAST")
    return ", ".join([*parts, "device DESC" if descending and sort in ("device", "place") else "device"])


def _sites(lines: Sequence[tuple[str, Count]]) -> tuple[Count, ...]:
    sites: dict[str, list[Count]] = {}
    for site, count in lines:
        sites.setdefault(site, []).append(count)
    return tuple(
        Count(site, sum(c.devices for c in found), sum(c.drifted for c in found), sum(c.offline for c in found))
        for site, found in sites.items()
    )


def _features(engine: Engine, condition: str, values: Sequence[object]) -> tuple[Count, ...]:
    rows = engine.query(
        "SELECT feature, count(*), sum(CASE WHEN state = 'offline' THEN 1 ELSE 0 END) FROM device "
        f"WHERE {condition} AND drifted = 1 AND feature IS NOT NULL "
        "GROUP BY feature ORDER BY count(*) DESC, feature LIMIT ?",
        (*values, FEATURES),
    )
    return tuple(Count(row[0], int(row[1]), int(row[1]), int(row[2])) for row in rows)
