"""Opening a gate, and the simulated one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from edge.errors import ConfigError, EdgeError
from edge.gates import SimulatedGate, open_gate
from edge.gates.options import GateConfig
from edge.inference.judgement import Judgement

Judge = Callable[..., Judgement]


def test_the_simulated_gate_remembers_what_it_blew_off(judgement: Judge) -> None:
    gate = SimulatedGate()
    for part in range(3000):
        gate.act(judgement(part, reject=part % 2 == 0))
    assert (gate.fired, gate.passed) == (1500, 1500)
    assert list(gate.last) == list(range(1000, 3000, 2))


def test_a_simulated_gate_behind_the_camera_measures_slack_and_misses_late_decisions(judgement: Judge) -> None:
    gate = open_gate(GateConfig("sim://?delay_ms=500"))
    now = time.monotonic_ns()
    gate.act(judgement(0, reject=True, captured_ns=now - 100_000_000))
    gate.act(judgement(1, reject=True, captured_ns=now - 900_000_000))
    assert gate.counters() == {"rejected": 2, "passed": 0, "fired": 1, "missed": 1, "missed_late": 1}
    assert gate.slack.snapshot().late == 1
    assert gate.slack.snapshot().min_ms == pytest.approx(-400, abs=50)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("sim:/", "no such kind; did you mean 'sim://'"),
        ("tcp://x", "no such kind; did you mean"),
        ("sim://?delay=3", "delay: unknown key; did you mean 'delay_ms'"),
        ("sim://x", "expected sim://"),
        ("serial:///dev/ttyACM0", "gate.distance: a line controller needs"),
        ("gpio://17", "delay_ms: missing"),
        ("gpio://17?delay_ms=1&active=off", "active: expected high or low, got 'off'"),
        ("modbus://plc", "expected either coil=ADDRESS or register=ADDRESS"),
        ("modbus://plc?coil=1&register=1", "expected either coil=ADDRESS or register=ADDRESS"),
        ("modbus://plc:x?coil=1", "expected modbus://host"),
    ],
)
def test_a_wrong_gate_is_named_in_one_line(uri: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_gate(GateConfig(uri))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("uri", "package"), [("gpio://1?delay_ms=1", "gpiozero"), ("modbus://x?coil=1", "pymodbus")])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, uri: str, package: str) -> None:
    for name in (package, f"{package}.client"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(EdgeError, match=f"{package} is not installed; pip install"):
        open_gate(GateConfig(uri))
