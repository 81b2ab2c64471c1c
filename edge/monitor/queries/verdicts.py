"""The last window of each camera and model of a device, and what they say of the device together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

from edge.core.structs import build, plain
from edge.monitor.queries.present import Present
from edge.protocol.messages import Drift, DriftColumn


@dataclass(slots=True)
class Watch:
    """A row of the table of watches, in the order of its columns."""

    device: str
    camera: str
    model: str
    version: int
    boot: int
    seq: int
    start_ns: int
    end_ns: int
    drifted: int
    since_ns: int | None
    columns: str
    """JSON of the columns that drifted, the strongest first; of all the strongest one when none did."""


WATCH = tuple(field.name for field in fields(Watch))
_ROW = attrgetter(*WATCH)


def watch_of(message: Drift, boot: int) -> Watch:
    """Watch for a message as if it were the first window."""
    drifted = [column for column in message.columns if column.drifted]
    return Watch(
        message.device,
        message.camera,
        message.model,
        message.model_version,
        boot,
        message.seq,
        message.window.start_ns,
        message.window.end_ns,
        int(message.drifted),
        message.window.start_ns if message.drifted else None,
        json.dumps(plain(drifted or message.columns[:1]), separators=(",", ":"), ensure_ascii=False),
    )


def follows(new: Watch, last: Watch | None, live_boot: int | None) -> bool:
    """Whether it takes the place of ``last``: the boot that runs now before others, later boots before earlier."""
    return last is None or rank(new, live_boot) > rank(last, live_boot)


def rank(watch: Watch, live_boot: int | None) -> tuple[bool, int, int]:
    return watch.boot == live_boot, watch.boot, watch.seq


def in_turn(new: Watch, last: Watch | None) -> Watch:
    """``new``, drifting since ``last`` began to if it is the next in an unbroken run."""
    if last is not None and new.drifted and last.drifted and last.boot == new.boot:
        new.since_ns = last.since_ns
    return new


def columns_of(watch: Watch) -> tuple[DriftColumn, ...]:
    """Columns that :func:`watch_of` kept."""
    return tuple(build(DriftColumn, item, strict=False) for item in json.loads(watch.columns))


def conclude(present: Present, watches: Iterable[Watch]) -> None:
    """The device drifts when any of its cameras and models does; the one with the smallest p-value is named."""
    rows = list(watches)
    if not rows:
        return
    boot = max(rows, key=lambda row: rank(row, present.boot)[:2]).boot
    rows = [row for row in rows if row.boot == boot]  # a model that runs no longer says nothing of now
    drifted = [row for row in rows if row.drifted]
    present.drifted = int(bool(drifted))
    present.since_ns = min((row.since_ns for row in drifted if row.since_ns is not None), default=None)
    present.window_ns = max(row.end_ns for row in rows)
    firsts = [columns[0] for row in drifted or rows if (columns := columns_of(row))]
    _name(present, min(firsts, key=_strength) if firsts else None)


def _strength(column: DriftColumn) -> tuple[float, float]:
    p = 1.0 if column.p_value is None else column.p_value
    return p, -(column.statistic or 0.0)


def _name(present: Present, column: DriftColumn | None) -> None:
    if column is None:
        present.feature = present.test = present.statistic = present.p_value = present.threshold = None
        return
    present.feature, present.test, present.statistic = column.name, column.test, column.statistic
    present.p_value, present.threshold = column.p_value, column.threshold


def as_rows(watches: Iterable[Watch]) -> Sequence[tuple[object, ...]]:
    """For the database."""
    return [_ROW(watch) for watch in watches]
