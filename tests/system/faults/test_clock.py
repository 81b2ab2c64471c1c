"""Somebody sets the clock while the line runs: nothing is reordered or doubled, and wall times come right."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.device.buffer import Buffer
from edge.monitor import Store
from edge.protocol.messages import Drift, Predictions, decode
from edge.protocol.record import CLOCK_CORRECTED
from tests.support.daemon import Daemon, delivered
from tests.support.native import compile_library

pytestmark = pytest.mark.system

HOUR_S, YEAR_S = 3600, 365 * 86_400
DEVICE = "line-1"


class Clock:
    """The wall clock of processes that run with ``environment``."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self.set(0)
        library = compile_library(Path(__file__).with_name("fake_clock.c"), folder)
        self.environment = os.environ | {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET": str(self._offset)}

    def set(self, seconds: int) -> None:
        self._offset.write_text(f"{seconds:<30}")


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


def test_steps_of_an_hour_and_of_ten_years_reorder_and_double_nothing(
    tmp_path: Path,
    clock: Clock,
    write_config: Callable[..., Path],
    start: Callable[..., Daemon],
    mosquitto: Any,
    monitor: Callable[[str], Path],
    watched: Path,
) -> None:
    store = monitor(mosquitto.url)
    config = write_config(
        source="sim://line?width=64&height=48&fps=100&count=500",
        model=watched,
        broker=mosquitto.url,
        extra="[buffer]\ncommit_s = 0.2\n[drift]\nwindow = 40\n[health]\ninterval_s = 0.5",
    )
    daemon = start(config, clock.environment)
    daemon.wait_for("connected")
    for step in (HOUR_S, 0, -HOUR_S, 10 * YEAR_S, -10 * YEAR_S, 0):
        time.sleep(0.5)
        clock.set(step)
    report = daemon.report()
    assert report["pending"] == 0
    with closing(Buffer(tmp_path / "state" / "buffer.db")) as buffer:
        kept = [record for _, record in buffer.records()]
    assert len(kept) == report["decided"] > 200
    assert all(one.seq < other.seq and one.captured_ns < other.captured_ns for one, other in pairwise(kept))
    assert max(record.wall_ns for record in kept) - min(record.wall_ns for record in kept) > 19 * YEAR_S * 10**9
    assert [seq for _, seq in delivered(store, len(kept))] == [record.seq for record in kept]
    with closing(Store(store)) as opened:
        assert opened.count("drift", DEVICE) == opened.count("stats", DEVICE) == report["windows"] > 2
        assert opened.set_aside() == {}


def test_a_device_that_wakes_in_1970_sends_right_times_once_its_clock_is_set(
    tmp_path: Path, clock: Clock, write_config: Callable[..., Path], start: Callable[..., Daemon], watched: Path
) -> None:
    config = write_config(
        source="sim://line?width=64&height=48&fps=100&count=300",
        model=watched,
        broker=f"file://{tmp_path}/not-there-yet/carried.jsonl",
        extra="[buffer]\ncommit_s = 0.2\n[drift]\nwindow = 40",
    )
    out = tmp_path / "not-there-yet" / "carried.jsonl"
    clock.set(-int(time.time()) + 60)
    began_ns = time.time_ns()
    daemon = start(config, clock.environment)
    daemon.wait_for("judging")
    time.sleep(1.5)
    clock.set(0)
    time.sleep(0.6)
    out.parent.mkdir()
    report = daemon.report()
    ended_ns = time.time_ns()
    assert report["pending"] == 0
    messages = [decode_line(line) for line in out.read_text().splitlines()]
    records = [record for message in messages if isinstance(message, Predictions) for record in message.records]
    assert len(records) == report["decided"] > 100
    assert all(began_ns < record.wall_ns < ended_ns for record in records)
    assert all(one.wall_ns < other.wall_ns for one, other in pairwise(records))
    assert 0 < sum(bool(record.flags & CLOCK_CORRECTED) for record in records) < len(records)
    drifts = [message for message in messages if isinstance(message, Drift)]
    assert len(drifts) == report["windows"] > 2
    assert all(began_ns < d.window.start_ns < d.window.end_ns < ended_ns for d in drifts)
    # No time service runs here, or one does: the message says which.
    assert {type(m.synchronized) for m in messages if isinstance(m, Predictions)} == {bool}
    with closing(Buffer(tmp_path / "state" / "buffer.db")) as buffer:
        assert min(record.wall_ns for _, record in buffer.records()) < YEAR_S * 10**9


def decode_line(line: str) -> Any:
    fields = json.loads(line)
    kind = fields["topic"].split(f"/{DEVICE}/")[1].split("/")[0]
    return decode(kind, json.dumps(fields["payload"]).encode())
