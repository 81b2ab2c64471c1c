"""``edge run`` with a coil, ended in every way there is: the gate is off, or it is said that it may not be."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.gate.faulty_plc import TcpPlc, wait_for
from tests.support.daemon import EDGE, Daemon

pytestmark = pytest.mark.system

COIL = 3
ALL = ["red", "green", "blue"]
LONG = "delay_ms=0&pulse_ms=5000"
"""It is on whenever one looks."""


@pytest.fixture
def plc() -> Iterator[TcpPlc]:
    made = TcpPlc()
    yield made
    made.close()


@pytest.fixture
def configure(write_config: Callable[..., Path], plc: TcpPlc) -> Callable[..., Path]:
    """``configure()``: every part is rejected; ``configure(reject=[])``: none."""

    def make(reject: list[str] = ALL, options: str = LONG, **changes: Any) -> Path:
        gate = f"modbus://{plc.place}?coil={COIL}&{options}"
        return write_config(source="sim://line?fps=5", policy="latest", reject=reject, gate=gate, **changes)

    return make


def edge(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*EDGE, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)


def is_on(plc: TcpPlc) -> bool:
    return plc.coils[COIL]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_every_ending_signal_ends_it_in_order_with_the_gate_off(
    configure: Callable[..., Path], plc: TcpPlc, start: Callable[..., Daemon], number: int
) -> None:
    daemon = start(configure())
    wait_for(lambda: is_on(plc), 60)
    plc.faults = ["unanswered", "lost"]  # the last off's first tries
    daemon.process.send_signal(number)
    time.sleep(0.05)
    daemon.process.send_signal(number)  # an impatient one
    report = daemon.report()
    assert not is_on(plc)
    assert report["gate_open_since_ns"] == 0
    assert report["judged"] == report["buffered"] > 0
    assert report["gate"]["rejected"] == report["gate"]["fired"] + report["gate"]["missed"]


def test_a_start_after_a_kill_switches_off_what_was_left_on_even_when_it_cannot_start(
    configure: Callable[..., Path], plc: TcpPlc, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = start(configure())
    wait_for(lambda: is_on(plc), 60)
    daemon.process.kill()
    daemon.process.wait()
    assert is_on(plc)
    again = start(configure(reject=[]))
    wait_for(lambda: not is_on(plc), 60)
    again.process.kill()
    again.process.wait()
    plc.coils[COIL] = True
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no model")
    done = edge("run", "-c", configure(model=broken))
    assert done.returncode == 4
    assert not is_on(plc)


def test_a_stop_without_a_plc_ends_soon_with_one_line_and_a_status_of_its_own(
    configure: Callable[..., Path], plc: TcpPlc, start: Callable[..., Daemon]
) -> None:
    config = configure()
    daemon = start(config)
    wait_for(lambda: is_on(plc), 60)
    plc.go_away(1e9)
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.process.wait(20) == 9
    assert json.loads(daemon.out.read_text())["gate_open_since_ns"] > 0
    assert "MAY BE OPEN since" in daemon.log.read_text().splitlines()[-1]
    plc.away_until = 0.0
    done = edge("gate", "off", "-c", config)
    assert (done.returncode, is_on(plc)) == (0, False)
    assert "is off, driven by edge gate off" in done.stdout


def test_by_hand_the_running_daemon_is_asked(
    configure: Callable[..., Path], plc: TcpPlc, start: Callable[..., Daemon]
) -> None:
    config = configure(reject=[])
    daemon = start(config)
    daemon.wait_for("judging")
    wait_for(lambda: edge("status", "-c", config).returncode == 0, 60)
    plc.coils[COIL] = True  # by somebody else
    done = edge("gate", "off", "-c", config, "--json")
    assert json.loads(done.stdout) == {"off": True, "by": "the running daemon"}
    assert not is_on(plc)


def test_status_metrics_and_event_say_that_it_may_be_open_until_its_off_is_confirmed(
    configure: Callable[..., Path], plc: TcpPlc, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    sent = tmp_path / "sent.jsonl"
    config = configure(
        options="delay_ms=0&pulse_ms=200",
        broker=f"file://{sent}",
        extra=f'[health]\nprometheus = "{place}"\n[buffer]\ncommit_s = 0.1',
    )
    daemon = start(config)
    wait_for(lambda: is_on(plc), 60)
    plc.go_away(4.0)
    page = ""

    def told() -> bool:
        nonlocal page
        page = edge("status", "-c", config).stdout
        return "! gate: may be open since 20" in page

    wait_for(told, 20)
    assert "MAY BE OPEN since 20" in page
    assert "edge_gate_may_be_open 1" in fetch(place)
    wait_for(lambda: "edge_gate_may_be_open 0" in fetch(place), 20)
    daemon.process.terminate()
    daemon.report()
    events = [m["payload"] for m in map(json.loads, sent.read_text().splitlines()) if m["topic"].endswith("/event")]
    told_events = [(e["camera"], e["fault"], e["active"]) for e in events]
    assert told_events[:2] == [("gate", "may be open", True), ("gate", "may be open", False)]
    assert events[0]["since_ns"] == events[1]["since_ns"] and events[1]["lasted_s"] > 0


def fetch(place: str) -> str:
    host, _, port = place.partition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts).decode()
