"""``edge run`` with every kind of gate, ended in every way there is: it is off, or it is said that it may not be."""

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

from tests.edge.gates.faulty_plc import TcpPlc, wait_for
from tests.support.daemon import EDGE, Daemon
from tests.support.outputs import COIL, LONG, OUTPUTS, Output, TcpCoil

pytestmark = pytest.mark.system

LINE = "sim://line?width=64&height=48&fps=5"
ALL = ["red", "green", "blue"]
COMMIT = "[buffer]\ncommit_s = 0.1"


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
        return write_config(source=LINE, policy="latest", reject=reject, gate=gate, **changes)

    return make


@pytest.fixture(params=OUTPUTS)
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Output]:
    made = OUTPUTS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def configure_output(write_config: Callable[..., Path], output: Output) -> Callable[..., Path]:
    """``configure_output()``: every part is rejected; ``configure_output(reject=[])``: none."""

    def make(reject: list[str] = ALL) -> Path:
        path = write_config(source=LINE, policy="latest", reject=reject, gate=output.gate, extra=COMMIT)
        path.write_text(path.read_text().replace("[gate]\n", f"[gate]\n{output.settings}"))
        return path

    return make


def edge(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*EDGE, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)


def is_on(plc: TcpPlc) -> bool:
    return plc.coils[COIL]


ENDINGS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDINGS)
def test_every_ending_signal_ends_it_in_order_with_the_output_off(
    configure_output: Callable[..., Path], output: Output, start: Callable[..., Daemon], number: int
) -> None:
    daemon = start(configure_output(), output.environment)
    wait_for(output.acted, 60)
    if isinstance(output, TcpCoil):
        output.plc.faults = ["unanswered", "lost"]  # the last off's first tries
    daemon.process.send_signal(number)
    time.sleep(0.05)
    daemon.process.send_signal(number)  # an impatient one
    report = daemon.report()
    assert output.times_itself or not output.is_on()
    wait_for(lambda: not output.is_on(), 60)
    assert report["gate_open_since_ns"] == 0
    assert report["judged"] == report["buffered"] > 0
    assert report["gate"]["rejected"] == report["gate"]["fired"] + report["gate"]["missed"] > 0


def test_after_a_kill_the_output_goes_off_by_itself_or_at_the_next_start(
    configure_output: Callable[..., Path], output: Output, start: Callable[..., Daemon]
) -> None:
    daemon = start(configure_output(), output.environment)
    wait_for(output.acted, 60)
    daemon.process.kill()
    daemon.process.wait()
    assert output.times_itself or output.is_on(), "else this is no test"
    again = start(configure_output(reject=[]), output.environment) if not output.times_itself else None
    wait_for(lambda: not output.is_on(), 60)
    if again is not None:
        again.process.terminate()
        assert again.report()["gate_open_since_ns"] == 0


def test_a_start_that_fails_has_switched_off_what_was_left_on(
    configure: Callable[..., Path], plc: TcpPlc, tmp_path: Path
) -> None:
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
