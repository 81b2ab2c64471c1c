"""One contract over every kind of gate, each with a real other side: firmware, PLC, pin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from edge.gates import Gate, open_gate
from edge.gates.options import GateConfig
from edge.inference.judgement import Judgement
from tests.edge.gates.plc import Plc
from tests.firmware_stubs.hosted import HostedController, wait_until

KINDS = ["none", "sim", "serial", "serial, not there", "gpio", "modbus coil", "modbus register", "modbus, not there"]
Judge = Callable[..., Judgement]


@pytest.fixture(params=KINDS)
def gate(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gate]:
    with ExitStack() as stack:
        opened = open_gate(GateConfig(_uri(request.param, tmp_path, stack), distance=100))
        stack.callback(opened.close)
        yield opened


def _uri(kind: str, folder: Path, stack: ExitStack) -> str:
    match kind:
        case "serial":
            hosted = HostedController(folder / "line")
            stack.callback(hosted.stop)
            return hosted.uri
        case "serial, not there":
            return f"serial://{folder}/nothing"
        case "gpio":
            Device.pin_factory = MockFactory()
            stack.callback(Device.pin_factory.reset)
            return "gpio://17?delay_ms=20"
        case "modbus coil" | "modbus register":
            plc = Plc()
            stack.callback(plc.stop)
            return f"modbus://{plc.place}?" + ("coil=3&delay_ms=20" if kind == "modbus coil" else "register=4")
        case "modbus, not there":
            return "modbus://127.0.0.1:9?register=4"
        case "none":
            return "none"
    return "sim://"


def test_it_takes_decisions_at_once_counts_them_and_may_be_closed_twice(
    gate: Gate, judgement: Judge, request: pytest.FixtureRequest
) -> None:
    began, cpu = time.monotonic(), time.thread_time()
    for part in range(100):
        gate.act(judgement(part, reject=part % 4 == 0))
    # The quickest answer there is, 20 ms, waited for a hundred times would be 2 s.
    assert time.monotonic() - began < 1.9, "it waited for something"
    assert time.thread_time() - cpu < 0.5
    gate.close()
    gate.close()
    counts = gate.counters()
    if "none" not in request.node.name:
        assert (counts["rejected"], counts["passed"]) == (25, 75)
    assert counts["rejected"] == counts["fired"] + counts["missed"]
    assert counts["missed"] == sum(count for name, count in counts.items() if name.startswith("missed_"))


def test_decisions_after_the_end_are_counted_as_missed_and_raise_nothing(gate: Gate, judgement: Judge) -> None:
    gate.close()
    gate.act(judgement(0, reject=True))
    counts = gate.counters()
    assert counts["rejected"] == counts["fired"] + counts["missed"]


def test_its_condition_can_be_read_at_any_time_and_one_that_is_away_says_so(
    gate: Gate, judgement: Judge, request: pytest.FixtureRequest
) -> None:
    gate.act(judgement(0, reject=True))
    away = "not there" in request.node.name
    wait_until(lambda: bool(gate.condition().problem) == away)
    gate.close()
    assert isinstance(gate.condition().faults, tuple)


def test_the_slack_can_be_read_at_any_time(gate: Gate, judgement: Judge) -> None:
    gate.act(judgement(0, reject=False))
    snapshot = gate.slack.snapshot()
    assert snapshot.total in (0, 1)
    assert snapshot.at_least_ms(0.99) >= 0
