"""Gates by the clock: a pin, a coil; and registers that a PLC reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from edge.errors import GateError
from edge.gates import open_gate
from edge.gates.options import GateConfig
from edge.inference.judgement import Judgement
from tests.edge.gates.plc import Plc
from tests.firmware_stubs.hosted import wait_until

Judge = Callable[..., Judgement]


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    Device.pin_factory = MockFactory()
    yield Device.pin_factory
    Device.pin_factory.reset()


@pytest.fixture
def plc() -> Iterator[Plc]:
    server = Plc()
    yield server
    server.stop()


def test_the_pin_is_on_for_the_pulse_after_the_delay(pins: MockFactory, judgement: Judge) -> None:
    gate = open_gate(GateConfig("gpio://17?delay_ms=50&pulse_ms=400"))
    pin = pins.pin(17)
    pin.clear_states()
    gate.act(judgement(0, reject=False))
    gate.act(judgement(1, reject=True))
    wait_until(lambda: len(pin.states) == 3)
    states = [(state.timestamp, state.state) for state in pin.states]
    assert [on for _, on in states] == [False, True, False]
    assert states[2][0] >= 0.5 * 0.4  # seconds since the change before
    gate.close()
    assert gate.counters()["fired"] == 1


def test_an_active_low_pin_rests_high(pins: MockFactory) -> None:
    gate = open_gate(GateConfig("gpio://17?delay_ms=50&active=low"))
    assert pins.pin(17).state == 1
    gate.close()


def test_pulses_that_follow_closely_keep_the_gate_open(pins: MockFactory, judgement: Judge) -> None:
    gate = open_gate(GateConfig("gpio://17?delay_ms=200&pulse_ms=400"))
    now = time.monotonic_ns()
    for after_ms in (0, 200):
        gate.act(judgement(0, reject=True, captured_ns=now + after_ms * 1_000_000))
    wait_until(lambda: gate.counters()["fired"] == 2)
    time.sleep(0.5)
    assert [state.state for state in pins.pin(17).states].count(True) == 1
    gate.close()


def test_decisions_for_parts_that_are_past_count_as_late(pins: MockFactory, judgement: Judge) -> None:
    gate = open_gate(GateConfig("gpio://17?delay_ms=50"))
    gate.act(judgement(0, reject=True, captured_ns=time.monotonic_ns() - 1_000_000_000))
    assert gate.counters()["missed_late"] == 1
    gate.close()


def test_a_pin_that_is_taken_or_unknown_is_named(pins: MockFactory) -> None:
    first = open_gate(GateConfig("gpio://17?delay_ms=50"))
    for pin in ("17", "kitchen"):
        with pytest.raises(GateError, match=f"gpio://{pin}: cannot be opened"):
            open_gate(GateConfig(f"gpio://{pin}?delay_ms=50"))
    first.close()


def test_the_plcs_coil_is_on_for_the_pulse(plc: Plc, judgement: Judge) -> None:
    gate = open_gate(GateConfig(f"modbus://{plc.place}?coil=3&delay_ms=50&pulse_ms=400"))
    gate.act(judgement(0, reject=True))
    wait_until(lambda: len(plc.coils) == 3)
    assert plc.coils == [(3, False), (3, True), (3, False)], "the first is the start's"
    gate.close()
    assert set(plc.coils[3:]) == {(3, False)}, "the last is the end's"


def test_the_plc_gets_every_decision_in_one_write_of_four_registers(plc: Plc, judgement: Judge) -> None:
    gate = open_gate(GateConfig(f"modbus://{plc.place}?register=4"))
    gate.act(judgement(70_000, reject=True))
    gate.act(judgement(70_001, reject=False))
    wait_until(lambda: len(plc.registers) == 2)
    assert plc.registers == [(4, [0, 1, 1, 70_000 % 65_536]), (4, [0, 2, 0, 70_001 % 65_536])]
    gate.close()
    assert gate.counters()["fired"] == 1


def test_a_plc_that_refuses_or_goes_away_is_counted_and_named_once(
    plc: Plc, judgement: Judge, caplog: pytest.LogCaptureFixture
) -> None:
    gate = open_gate(GateConfig(f"modbus://{plc.place}?register=100"))
    for part in range(2):
        gate.act(judgement(part, reject=True))
    wait_until(lambda: gate.counters().get("missed_output") == 2)
    assert "is address 100 writable there?" in caplog.text
    plc.stop()
    gate.act(judgement(3, reject=True))
    wait_until(lambda: "no answer" in gate.condition().problem or "cannot be reached" in gate.condition().problem)
    assert len(caplog.records) == 1
    gate.close()
    assert gate.counters()["missed"] == 3
