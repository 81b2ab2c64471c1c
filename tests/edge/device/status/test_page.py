"""The page for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.device.health.snapshot import DriftState, Snapshot
from edge.device.status import OfflineStatus
from edge.device.status.page import headline, running, stopped
from edge.device.sync import SyncState


def lines(text: str) -> dict[str, str]:
    """The last line of each heading."""
    return {line[:10].strip(): line[10:] for line in text.splitlines()}


def test_the_page_says_who_runs_since_when_and_what_it_saw(snapshot: Snapshot) -> None:
    page = running(snapshot, ())
    found = lines(page)
    assert found["device"] == "line-1 (koeln/3), running, healthy"
    assert found["boot"] == f"000002-abcdef, up 1 d 2 h, process {snapshot.pid}"
    assert found["model"] == "cookie v2"
    assert "captured 502 = decided 500 + dropped 2 (overrun 2); within 60 s: overrun 2" in page
    assert found["total"] == "captured 524 = decided 520 + dropped 4 (overrun 4)"
    assert found["drift"].startswith("DRIFTED: brightness, hue (window 8, until 2023-11-14 ")
    assert found["drift"].endswith("; 2 of 9 windows drifted")
    assert found["buffer"].startswith("7 entries, 3 wait for the broker, 6 records in memory; 121 kB, 50 records")
    assert found["sync"] == "connected; published 12, acknowledged 11, refused 1, unheard 2"
    assert found["system"].startswith("25% of a core, 100 MB resident, 48 °C, 5120 MB free")


def test_one_line_says_what_runs_and_how_fast(snapshot: Snapshot) -> None:
    p99 = snapshot.health.latency_us.p99 / 1000
    away = sum(camera.lost for camera in snapshot.health.cameras)
    lost = f", {away} of {len(snapshot.health.cameras)} cameras away" if away else ""
    assert headline(snapshot) == f"cookie v2, {snapshot.health.rate_fps:.1f} decisions/s, p99 {p99:.1f} ms{lost}"
    cameras = tuple(replace(camera, lost=True) for camera in snapshot.health.cameras)
    gone = replace(snapshot, health=replace(snapshot.health, cameras=cameras))
    assert headline(gone).endswith(f", {len(cameras)} of {len(cameras)} cameras away")


def test_latencies_stand_under_their_names_in_milliseconds(snapshot: Snapshot) -> None:
    rows = running(snapshot, ()).splitlines()
    head = next(row for row in rows if row.startswith("latency"))
    below = rows[rows.index(head) + 1]
    assert head.split() == ["latency", "ms", "p50", "p90", "p99", "p99.9", "max"]
    latency = snapshot.health.cameras[0].latency_us
    assert below.split()[:3] == ["last", "60", "s"]
    shown = [float(text) for text in below.split()[3:]]
    true = [latency.p50, latency.p90, latency.p99, latency.p999 or 0.0, latency.max]
    assert shown == pytest.approx([us / 1000 for us in true], abs=0.005)
    assert len(below) == len(head)


def test_each_problem_has_a_line_of_its_own(snapshot: Snapshot) -> None:
    page = running(snapshot, ("left: lost", "board: under-voltage"))
    assert "line-1 (koeln/3), running, but:\n" in page
    assert re.findall(r"^ +! (.*)$", page, re.MULTILINE) == ["left: lost", "board: under-voltage"]


def test_what_is_not_there_is_said(make_snapshot: Callable[..., Snapshot]) -> None:
    page = lines(running(make_snapshot(drift=None, sync=None), ()))
    assert page["drift"] == "not watched: the model has no drift reference"
    assert page["sync"] == "no broker configured"
    assert lines(running(make_snapshot(drift=DriftState()), ()))["drift"] == "no window is full yet"


def test_the_gate_says_what_became_of_the_decisions_and_how_early_they_came(snapshot: Snapshot) -> None:
    rows = running(snapshot, ()).splitlines()
    at = next(number for number, row in enumerate(rows) if row.startswith("gate"))
    assert [row[10:] for row in rows[at : at + 4]] == [
        "up, firmware 1.2.3, boot 4",
        "rejected 12 = fired 9 + missed 2 (late 2) + under way 1; passed 88",
        "late 3",
        "p1 0 ms, p50 64 ms before the gate; 2 of 100 decisions too late",
    ]
    assert rows[at + 3].startswith("slack")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"problem": "no such device"}, "AWAY"),
        ({"faults": ("eye blocked",)}, "EYE BLOCKED"),
        ({}, "up"),
    ],
)
def test_a_gate_that_is_away_or_at_fault_is_loud(
    make_snapshot: Callable[..., Snapshot], changes: dict[str, Any], state: str
) -> None:
    gate = make_snapshot().health.gate
    assert gate is not None
    page = running(make_snapshot(gate=replace(gate, **changes)), ())
    assert re.search(rf"^gate +{state}(,|$)", page, re.MULTILINE)


def test_a_line_that_only_watches_has_no_gate(make_snapshot: Callable[..., Snapshot]) -> None:
    assert not {"gate", "slack"} & set(lines(running(make_snapshot(gate=None), ())))


def test_frames_under_way_are_said(make_snapshot: Callable[..., Snapshot]) -> None:
    found = lines(running(make_snapshot(captured=526), ()))
    assert found["total"] == "captured 526 = decided 520 + dropped 4 (overrun 4) + under way 2"


def test_nothing_that_a_terminal_would_obey_gets_through(make_snapshot: Callable[..., Snapshot]) -> None:
    sync = SyncState(last_error="refused: \x1b[2J\x07\u202eevil\n! fake")
    page = running(make_snapshot(sync=sync), ())
    assert "\x1b" not in page
    assert "\n! fake" not in page
    assert "not connected; published 0, acknowledged 0; last error: refused: ?[2J??evil?! fake" in page


def test_a_stopped_daemons_page_tells_what_the_folder_tells() -> None:
    ns = 1_700_000_000_000_000_000
    page = stopped(OfflineStatus(22, "000022-ab", ns, ns, "cookie", 4, 3, 9, 3 << 20, 1))
    found = lines(page)
    assert found["device"] == "not running"
    assert re.fullmatch(r"000022-ab, started 2023-11-1\d \S+, the 22nd on this state folder", found["boot"])
    assert found["buffer"] == "4 entries, 3 wait for the broker; 3.0 MB, 9 records evicted"
    assert "! 1 damaged buffer" in page


def test_a_folder_without_a_daemon_yet_says_so() -> None:
    assert "none yet" in stopped(None)
    assert "none yet" in stopped(OfflineStatus(0, None, None, None, None, 0, 0, 0, 4096, 0))


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (121, "121st")]
)
def test_boots_are_counted_in_words(number: int, text: str) -> None:
    assert f"the {text} on" in stopped(OfflineStatus(number, "b", 0, None, None, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.9, "5 s"), (65, "1 min 5 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h")]
)
def test_uptime_is_told_in_two_units(make_snapshot: Callable[..., Snapshot], seconds: float, text: str) -> None:
    assert f"up {text}," in running(make_snapshot(uptime_s=seconds), ())
