"""The daemon's whole state, over one camera or several."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.core.guard import Deaths
from edge.core.histogram import LatencyHistogram
from edge.device.buffer import Buffer
from edge.device.health.camera_view import CameraView
from edge.device.health.collector import BUFFER_S, HealthCollector
from edge.device.health.snapshot import STALE_S, problems_at
from edge.device.pipeline import Accounts, Intake
from edge.gates import GateCondition, SimulatedGate
from edge.protocol.latency import from_message, latency, merge
from edge.protocol.messages import Drift, DriftColumn, Health, Identity, Window, decode, encode
from edge.protocol.record import Record

IDENTITY = Identity("line-1", "koeln", "3", "b1", "cookie", 2, ("good", "broken"))


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[Buffer]:
    with closing(Buffer(tmp_path / "buffer.db")) as opened:
        yield opened


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """``at(12.0)``: it is twelve seconds after the start."""

    def set_clock(seconds: float) -> None:
        clock = SimpleNamespace(
            monotonic=lambda: 1000.0 + seconds, time_ns=time.time_ns, process_time=time.process_time
        )
        monkeypatch.setattr("edge.device.health.collector.time", clock)

    set_clock(0.0)
    return set_clock


def lane(name: str, decided: int = 0, latency_us: int = 5000) -> CameraView:
    accounts = Accounts(captured=decided, decided=decided, judged=decided)
    histogram = LatencyHistogram()
    for _ in range(decided):
        histogram.add(latency_us)
    return CameraView(name, accounts, histogram, SimpleNamespace(losses=0, lost=False, missed=0))


def drop(some: CameraView, reason: Any, count: int) -> None:
    assert isinstance(some.accounts, Accounts)
    some.accounts.captured += count
    some.accounts.dropped[reason] += count


def test_the_totals_are_those_of_all_cameras_together(buffer: Buffer) -> None:
    left, right = lane("left", 90, 5000), lane("right", 10, 50_000)
    drop(left, "overrun", 2)
    drop(right, "overrun", 1)
    drop(right, "failed", 4)
    health = HealthCollector(IDENTITY, [left, right], Intake(), buffer).look().health
    assert (health.captured, health.decided, health.dropped) == (107, 100, {"overrun": 3, "failed": 4})
    assert [camera.name for camera in health.cameras] == ["left", "right"]
    assert health.latency_boot_us is not None
    assert health.latency_boot_us == latency(merge([health]))
    assert health.latency_boot_us.p50 < 5200 < 50_000 <= health.latency_boot_us.p99
    assert health.buffer.unwritten == 100


def test_a_monitor_merges_devices_into_the_histogram_that_one_would_have_had(tmp_path: Path, buffer: Buffer) -> None:
    received = []
    for number, latency_us in enumerate((1000, 2000, 70_000)):
        device = Identity(f"line-{number}", "", "", "b1", "cookie", 2, ())
        message = decode(
            "health", encode(HealthCollector(device, [lane("camera", 50, latency_us)], Intake(), buffer).message())
        )
        assert isinstance(message, Health)
        received.append(message)
    merged, expected = merge(received), LatencyHistogram()
    for latency_us in (1000, 2000, 70_000):
        for _ in range(50):
            expected.add(latency_us)
    assert merged.sparse() == expected.copy().sparse()
    assert (merged.sum_us, merged.max_us) == (50 * 73_000, 70_000)


def test_a_message_stays_small_whatever_was_counted(buffer: Buffer) -> None:
    full = lane("camera")
    for exponent in range(31):
        for step in range(64):
            full.latency.add((1 << exponent) + (step << exponent) // 64)
    assert len(encode(HealthCollector(IDENTITY, [full], Intake(), buffer).message())) < 10_000


def test_messages_count_themselves_and_not_the_looks(buffer: Buffer) -> None:
    collector = HealthCollector(IDENTITY, [lane("camera")], Intake(), buffer)
    seen = [
        collector.message().seq,
        collector.look().health.seq,
        collector.look().health.seq,
        collector.message().seq,
    ]
    assert (seen[0], seen[3]) == (0, 1)
    assert seen[2] == seen[1] + 1


def test_a_snapshot_never_changes_and_the_latest_is_a_new_one(buffer: Buffer) -> None:
    camera = lane("camera", 5)
    collector = HealthCollector(IDENTITY, [camera], Intake(), buffer)
    before = collector.latest
    told = json.dumps(from_message(before.health.cameras[0].histogram).sparse())
    camera.latency.add(5)
    assert collector.look() is collector.latest is not before
    assert json.dumps(from_message(before.health.cameras[0].histogram).sparse()) == told


def test_a_healthy_line_has_no_problems(buffer: Buffer) -> None:
    calm = lane("camera", 1000)
    drop(calm, "overrun", 10)
    assert HealthCollector(IDENTITY, [calm], Intake(), buffer).look().problems == ()


def test_drops_are_a_problem_for_a_minute(buffer: Buffer, at: Callable[[float], None]) -> None:
    camera = lane("left")
    collector = HealthCollector(IDENTITY, [camera], Intake(), buffer)
    camera.accounts.captured = camera.accounts.decided = 300
    drop(camera, "overrun", 20)
    at(5)
    assert collector.look().problems == ("left: 20 of 320 frames dropped within 60 s (overrun 20)",)
    for seconds in range(10, 80, 5):
        at(seconds)
        collector.look()
    assert collector.latest.problems == ()


def test_a_gate_that_is_away_or_at_fault_is_a_problem_with_the_way_out(
    buffer: Buffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = SimulatedGate()
    collector = HealthCollector(IDENTITY, [lane("camera", 10)], Intake(), buffer, gate=gate)
    assert collector.look().problems == ()
    bad = GateCondition("/dev/ttyACM0: no such device; is it plugged in?", ("eye blocked",), "1.0.0", 2)
    monkeypatch.setattr(gate, "condition", lambda: bad)
    snapshot = collector.look()
    assert snapshot.problems == (
        "gate: /dev/ttyACM0: no such device; is it plugged in?",
        "gate: eye blocked; clean the photo-eye, take away what stands before it",
    )
    assert snapshot.health.gate is not None
    assert (snapshot.health.gate.firmware, snapshot.health.gate.boots) == ("1.0.0", 2)


def test_a_gate_that_may_be_open_is_the_first_problem_and_a_thread_that_died_is_one(
    buffer: Buffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, deaths = SimulatedGate(), Deaths()
    collector = HealthCollector(IDENTITY, [lane("camera", 10)], Intake(), buffer, gate=gate, deaths=deaths)
    away = GateCondition("modbus://plc: cannot be reached", open_since_ns=1_700_000_000 * 10**9)
    monkeypatch.setattr(gate, "condition", lambda: away)
    first, second = collector.look().problems
    assert first.startswith("gate: may be open since 2023-11-1")
    assert "driven off until that is confirmed" in first
    assert second == "gate: modbus://plc: cannot be reached"
    deaths.note("recorder", ValueError("x"))
    assert collector.look().problems[0].startswith("thread recorder: died 1 times, last of ValueError: x")


def test_a_lost_camera_is_a_problem_and_its_return_ends_it(buffer: Buffer) -> None:
    source = SimpleNamespace(losses=1, lost=True, missed=0)
    camera = replace(lane("left", 10), camera=source)
    collector = HealthCollector(IDENTITY, [camera, lane("right", 10)], Intake(), buffer)
    assert collector.look().problems == ("left: lost; it is opened again as soon as it is back",)
    source.lost = False
    assert collector.look().problems == ()
    frozen = replace(camera, faults=lambda: ("frozen",))
    (problem,) = HealthCollector(IDENTITY, [frozen], Intake(), buffer).look().problems
    assert problem == "left: frozen; check or restart the camera"


def test_undelivered_records_that_make_room_are_a_problem(tmp_path: Path, at: Callable[[float], None]) -> None:
    with closing(Buffer(tmp_path / "small.db", cap_bytes=40_000)) as small:
        collector = HealthCollector(IDENTITY, [lane("camera")], Intake(), small)
        for seq in range(40_000):
            small.append(Record(seq, seq, seq, 1, 0.5, 0, 0))
            small.tick()
        small.commit()
        at(BUFFER_S)
        (problem,) = collector.look().problems
    evicted = collector.latest.health.buffer.evicted_undelivered
    assert 0 < evicted < 40_000
    assert problem == f"buffer: full; {evicted} undelivered records made room within 60 s"


def test_a_ring_of_records_that_nobody_wants_may_turn(tmp_path: Path, at: Callable[[float], None]) -> None:
    with closing(Buffer(tmp_path / "ring.db", cap_bytes=40_000, deliver_predictions=False)) as ring:
        collector = HealthCollector(IDENTITY, [lane("camera")], Intake(), ring)
        for seq in range(40_000):
            ring.append(Record(seq, seq, seq, 1, 0.5, 0, 0))
            ring.tick()
        ring.commit()
        at(BUFFER_S)
        assert collector.look().problems == ()
        assert collector.latest.health.buffer.evicted > 0


def test_a_disk_that_refuses_is_a_problem_until_it_takes_again(buffer: Buffer) -> None:
    camera = lane("camera", 3)
    collector = HealthCollector(IDENTITY, [camera], Intake(), buffer)
    for seq in range(3):
        buffer.append(Record(seq, seq, seq, 1, 0.5, 0, 0))
    buffer._file.open().execute("PRAGMA query_only=ON")
    buffer.commit()
    (problem,) = collector.look().problems
    assert problem.startswith("buffer: cannot be written (")
    assert problem.endswith("; 3 records wait in memory")
    buffer._file.open().execute("PRAGMA query_only=OFF")
    buffer.commit()
    assert collector.look().problems == ()
    assert collector.latest.health.buffer.unwritten == 0


def test_a_database_that_cannot_be_asked_keeps_its_last_figures(
    buffer: Buffer, at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = HealthCollector(IDENTITY, [lane("camera")], Intake(), buffer)
    before = collector.latest.health.buffer

    def fail() -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(buffer, "state", fail)
    at(BUFFER_S + 1)
    assert collector.look().health.buffer == before


def test_lost_records_are_a_problem(buffer: Buffer) -> None:
    intake = Intake()
    collector = HealthCollector(IDENTITY, [lane("camera", 10)], intake, buffer)
    intake.lost = 4
    (problem,) = collector.look().problems
    assert problem.startswith("records: 4 lost within 60 s")
    assert collector.latest.health.buffer.unwritten == 6


def test_a_back_office_that_hangs_is_a_problem(buffer: Buffer) -> None:
    snapshot = HealthCollector(IDENTITY, [lane("camera")], Intake(), buffer).latest
    assert problems_at(snapshot, snapshot.at_s + STALE_S) == ()
    (problem,) = problems_at(snapshot, snapshot.at_s + 60)
    assert problem.startswith("recorder: has not reported for 60 s")


def test_drift_is_told_by_window_and_is_no_problem(buffer: Buffer) -> None:
    collector = HealthCollector(IDENTITY, [lane("camera")], Intake(), buffer)
    assert collector.look().drift is None
    collector.watches_drift()
    drift = collector.look().drift
    assert drift is not None
    assert (drift.windows, drift.number) == (0, None)
    columns = tuple(
        DriftColumn(name, "ks", 0.5, 0.0, 0.1, drifted=name != "hue") for name in ("light", "hue", "blur")
    )
    for number, drifted in enumerate((False, True)):
        window = Window(0, 9, 10, 1, 2)
        collector.note(
            Drift(**IDENTITY.head(number), window=window, drifted=drifted, share=0.5, columns=columns * drifted)
        )
    snapshot = collector.look()
    assert snapshot.drift is not None
    assert (snapshot.drift.windows, snapshot.drift.drifted_windows, snapshot.drift.number) == (2, 1, 1)
    assert snapshot.drift.columns == ("light", "blur")
    assert snapshot.problems == ()
