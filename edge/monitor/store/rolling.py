"""Windows' statistics added up to hours, and hours to days. Nothing is counted twice: what is added up is marked or
deleted in the same transaction.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from typing import Any

from edge.drift.encoding.wire import encode_pane
from edge.monitor.database import DatabaseRow, Engine, upsert
from edge.monitor.queries.panes import MAX_SAMPLES, MergeKey, Panes, StoredPane, found_of

log = logging.getLogger(__name__)

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
WINDOWS = 60
"""Added up in one step, which takes some fifty milliseconds."""

SINGLE, ROLLED, NO_REFERENCE, UNREADABLE = range(4)
"""``stats.rolled``: by itself; in its hour; nobody gave the reference; not what the reference asks for."""

_KEY = ("device", "camera", "model", "version", "digest", "reference", "span_ns", "start_ns")


def roll_windows(engine: Engine, panes: Panes, before_ns: int) -> int:
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
    marks = _roll(engine, panes, rows)
    engine.executemany("UPDATE stats SET rolled = ? WHERE boot = ? AND seq = ?", marks)
    done = [key for mark, *key in marks if mark == ROLLED]
    engine.executemany("UPDATE stats SET message = '' WHERE boot = ? AND seq = ?", done)
    return len(rows)


def roll_panes(engine: Engine, panes: Panes, before_ns: int, span_ns: int, to_ns: int) -> int:
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
    device, camera, *merge_key = first[0][:6]
    found = [
        StoredPane(device, camera, MergeKey(*merge_key), start_ns, windows, json.loads(text))
        for windows, text in rows
    ]
    # They would be looked at for ever if they stayed; a device that counts honestly never comes here.
    if refused := _add(engine, panes, to_ns, found):
        log.warning(
            "%s: statistics of %d of %d stretches cannot be added up and are given up",
            device,
            len(refused),
            len(rows),
        )
    engine.execute(f"DELETE FROM pane WHERE {same}", place)
    return len(rows)


def give_back(engine: Engine) -> None:
    """A reference has come: what waited for one is looked at again."""
    engine.execute("UPDATE stats SET rolled = ? WHERE rolled = ?", (SINGLE, NO_REFERENCE))


def _roll(engine: Engine, panes: Panes, rows: Sequence[DatabaseRow]) -> list[tuple[int, int, int]]:
    """Adds what can be read to its hours; the mark for each window, with its key."""
    marks = [UNREADABLE] * len(rows)
    groups: dict[tuple[Any, ...], list[tuple[int, StoredPane]]] = {}
    for place, (_, _, device, text, at_ns) in enumerate(rows):
        found = found_of(device, text, at_ns // HOUR_NS * HOUR_NS)
        if found is not None:
            groups.setdefault((found.camera, found.merge_key, found.start_ns), []).append((place, found))
    for members in groups.values():
        places, windows = zip(*members, strict=True)
        left_out = NO_REFERENCE if panes.reference(windows[0].merge_key.reference) is None else UNREADABLE
        refused = _add(engine, panes, HOUR_NS, windows)
        for at, place in enumerate(places):
            marks[place] = left_out if at in refused else ROLLED
    return [(mark, boot, seq) for mark, (boot, seq, *_) in zip(marks, rows, strict=True)]


def _add(engine: Engine, panes: Panes, span_ns: int, found: Sequence[StoredPane]) -> Collection[int]:
    """Adds panes to what is there already of their device, camera, merge key and time: windows may come late. Places
    of those that cannot be read.
    """
    one = found[0]
    key = (one.device, one.camera, *_kin(one.merge_key), span_ns, one.start_ns)
    same = " AND ".join(f"{name} = ?" for name in _KEY)
    rows = engine.query(f"SELECT windows, message FROM pane WHERE {same}", key)
    there = [StoredPane(*key[:2], one.merge_key, one.start_ns, windows, json.loads(text)) for windows, text in rows]
    every = (*found, *there)
    total = panes.total(every)
    if total.pane is None or total.pane.n > MAX_SAMPLES:
        return range(len(found))
    windows = sum(more.windows for place, more in enumerate(every) if place not in total.refused)
    text = json.dumps(encode_pane(total.pane), separators=(",", ":"))
    engine.executemany(upsert("pane", (*_KEY, "windows", "message"), len(_KEY)), [(*key, windows, text)])
    return total.refused


def _kin(merge_key: MergeKey) -> tuple[str, int, str, str]:
    return merge_key.model, merge_key.version, merge_key.digest, merge_key.reference
