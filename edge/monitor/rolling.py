"""Windows' statistics added up to hours, and hours to days. Nothing is counted twice: what is added up is marked or
deleted in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edge.drift.pane import Pane
from edge.drift.wire import encode_pane
from edge.errors import ArtifactError
from edge.monitor.database import Engine, Row, upsert
from edge.monitor.panes import Found, Kin, Panes, found_of

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
WINDOWS = 60
"""Unpacked in one step: each takes about a millisecond."""

SINGLE, ROLLED, NO_REFERENCE, UNREADABLE = range(4)
"""``stats.rolled``: by itself; in its hour; nobody gave the reference; not what the reference asks for."""

_KEY = ("device", "camera", "model", "version", "digest", "reference", "span_ns", "start_ns")


@dataclass(frozen=True, slots=True)
class _Window:
    boot: int
    seq: int
    camera: str
    found: Found


def roll_windows(engine: Engine, before_ns: int) -> int:
    """Up to WINDOWS of one boot, from hours that are over; how many there were."""
    end_ns = before_ns // HOUR_NS * HOUR_NS
    first = engine.query(
        "SELECT boot FROM stats WHERE rolled = 0 AND received_ns < ? ORDER BY received_ns LIMIT 1", (end_ns,)
    )
    if not first:
        return 0
    rows = engine.query(
        "SELECT stats.boot, stats.seq, device, stats.message, coalesce(drift.start_ns, stats.received_ns) "
        "FROM stats JOIN boot ON boot.id = stats.boot "
        "LEFT JOIN drift ON drift.boot = stats.boot AND drift.seq = stats.seq "
        "WHERE stats.boot = ? AND stats.rolled = 0 AND stats.received_ns < ? ORDER BY stats.seq LIMIT ?",
        (first[0][0], end_ns, WINDOWS),
    )
    marks = _roll(engine, rows)
    engine.executemany("UPDATE stats SET rolled = ? WHERE boot = ? AND seq = ?", marks)
    done = [key for mark, *key in marks if mark == ROLLED]
    engine.executemany("UPDATE stats SET message = '' WHERE boot = ? AND seq = ?", done)
    return len(rows)


def roll_panes(engine: Engine, before_ns: int, span_ns: int, to_ns: int) -> int:
    """The panes of one device, camera, model and longer span that is over; how many there were."""
    end_ns = before_ns // to_ns * to_ns
    key = ", ".join(_KEY)
    first = engine.query(
        f"SELECT {key} FROM pane WHERE span_ns = ? AND start_ns < ? ORDER BY start_ns LIMIT 1", (span_ns, end_ns)
    )
    if not first:
        return 0
    start_ns = first[0][-1] // to_ns * to_ns
    same = " AND ".join(f"{name} = ?" for name in _KEY[:-1]) + " AND start_ns >= ? AND start_ns < ?"
    place = (*first[0][:-1], start_ns, start_ns + to_ns)
    rows = engine.query(f"SELECT windows, message FROM pane WHERE {same}", place)
    device, camera, *kin = first[0][:6]
    panes = Panes(engine)
    found = [Found(device, Kin(*kin), start_ns, windows, json.loads(text)) for windows, text in rows]
    added = [(panes.unpack(one), one.windows) for one in found]
    _add(engine, panes, (device, camera, *kin, to_ns, start_ns), added)
    engine.execute(f"DELETE FROM pane WHERE {same}", place)
    return len(rows)


def give_back(engine: Engine) -> None:
    """A reference has come: what waited for one is looked at again."""
    engine.execute("UPDATE stats SET rolled = ? WHERE rolled = ?", (SINGLE, NO_REFERENCE))


def _roll(engine: Engine, rows: Sequence[Row]) -> list[tuple[int, int, int]]:
    """Adds what can be read to its hours; the mark for each window, with its key."""
    panes = Panes(engine)
    marks: list[tuple[int, int, int]] = []
    groups: dict[tuple[Any, ...], list[tuple[Pane, int]]] = {}
    for boot, seq, device, text, at_ns in rows:
        found = found_of(device, text, at_ns)
        mark, pane = (UNREADABLE, None) if found is None else _read(panes, found)
        marks.append((mark, boot, seq))
        if found is not None and pane is not None:
            camera = str(json.loads(text).get("camera", ""))
            key = (device, camera, *_kin(found.kin), HOUR_NS, at_ns // HOUR_NS * HOUR_NS)
            groups.setdefault(key, []).append((pane, found.windows))
    for key, members in groups.items():
        _add(engine, panes, key, members)
    return marks


def _read(panes: Panes, found: Found) -> tuple[int, Pane | None]:
    """The mark, and what is added up."""
    if panes.reference(found.kin.reference) is None:
        return NO_REFERENCE, None
    try:
        return ROLLED, panes.unpack(found)
    except ArtifactError:
        return UNREADABLE, None


def _add(engine: Engine, panes: Panes, key: tuple[Any, ...], added: Iterable[tuple[Pane, int]]) -> None:
    """Panes, each of so many windows, to what is there of that time already: windows may come late."""
    same = " AND ".join(f"{name} = ?" for name in _KEY)
    total: Pane | None = None
    windows = 0
    for windows_there, text in engine.query(f"SELECT windows, message FROM pane WHERE {same}", key):
        total = panes.unpack(Found(key[0], Kin(*key[2:6]), key[7], windows_there, json.loads(text)))
        windows = windows_there
    for pane, more in added:
        total, windows = pane if total is None else total.merge(pane), windows + more
    if total is None:
        return
    text = json.dumps(encode_pane(total), separators=(",", ":"))
    engine.executemany(upsert("pane", (*_KEY, "windows", "message"), len(_KEY)), [(*key, windows, text)])


def _kin(kin: Kin) -> tuple[str, int, str, str]:
    return kin.model, kin.version, kin.digest, kin.reference
