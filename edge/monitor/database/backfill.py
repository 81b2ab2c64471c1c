"""Backfill: what a step of the schema computes from what was stored before it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import astuple

from edge.errors import MessageError
from edge.monitor.database.engine import Engine
from edge.monitor.database.statements import upsert
from edge.monitor.queries.present import PRESENT, Present, measure
from edge.monitor.queries.verdicts import WATCH, Watch, as_rows, conclude, in_turn, watch_of
from edge.protocol.messages import Drift, Health, Message, decode

PAGE = 1000

Watches = dict[str, dict[tuple[str, str], Watch]]
"""By device, then by camera and model."""


def fill_second(engine: Engine) -> None:
    """Columns that version 2 added, out of the messages, and what each device does now."""
    engine.execute(
        "UPDATE device SET boot = (SELECT id FROM boot WHERE boot.device = device.device "
        "AND boot.boot_id = device.boot_id)"
    )
    # Boots are numbered as they came: those before the running one have had their turn.
    engine.execute(
        "UPDATE boot SET live_ns = 0 WHERE id <= (SELECT boot FROM device WHERE device.device = boot.device)"
    )
    engine.execute(
        "INSERT INTO batch SELECT boot, min(seq), max(seq), CAST(? AS BIGINT) FROM record GROUP BY boot",
        (time.time_ns(),),
    )
    watches = _fill_windows(engine)
    engine.executemany(upsert("watch", WATCH, 3), as_rows(w for one in watches.values() for w in one.values()))
    _fill_devices(engine, watches)


def _fill_windows(engine: Engine) -> Watches:
    """The new columns of each window; the last one of each camera and model."""
    watches: Watches = {}
    for device, boot, message in _windows(engine):
        row = (message.camera, message.model_version, message.window.end_ns, boot, message.seq)
        engine.execute("UPDATE drift SET camera = ?, version = ?, end_ns = ? WHERE boot = ? AND seq = ?", row)
        last = watches.setdefault(device, {}).get((message.camera, message.model))
        watches[device][message.camera, message.model] = in_turn(watch_of(message, boot), last)
    return watches


def _fill_devices(engine: Engine, watches: Watches) -> None:
    for row in engine.query(f"SELECT {', '.join(PRESENT)} FROM device"):
        present = Present(*row)
        conclude(present, watches.get(present.device, {}).values())
        for (text,) in engine.query("SELECT message FROM latest WHERE device = ?", (present.device,)):
            health = _decoded("health", text)
            if isinstance(health, Health):
                measure(present, health, present.seen_ns)
        engine.execute(upsert("device", PRESENT), astuple(present))


def _windows(engine: Engine) -> Iterator[tuple[str, int, Drift]]:
    """In order and page by page, for a store may hold months of them."""
    last = (-1, -1)
    while page := engine.query(
        "SELECT drift.boot, seq, device, message FROM drift JOIN boot ON boot.id = drift.boot "
        "WHERE drift.boot > ? OR (drift.boot = ? AND seq > ?) ORDER BY drift.boot, seq LIMIT ?",
        (last[0], *last, PAGE),
    ):
        for boot, _, device, text in page:
            message = _decoded("drift", text)
            if isinstance(message, Drift):
                yield device, boot, message
        last = page[-1][0], page[-1][1]


def _decoded(kind: str, text: str) -> Message | None:
    try:
        return decode(kind, text.encode())
    except MessageError:
        return None
