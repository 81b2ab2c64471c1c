"""Each kind of output, each fault, at each point of a pulse: off soon after the device can be reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from edge.core.guard import DEATHS
from edge.gates import Gate, open_gate
from edge.gates.controller.controller import SerialGate
from edge.gates.modbus.device import Device
from edge.gates.modbus.register import RegisterGate
from edge.gates.options import GateConfig
from edge.inference.judgement import Judgement
from tests.edge.gates.simulated_line import Line, play
from tests.edge.gates.simulated_plc import FAULTS, MS, SimulatedPlc
from tests.firmware_stubs.hosted import HostedController, wait_until

Judge = Callable[..., Judgement]
POINTS = {"before on": 0, "on": 1, "before off": 2, "after off": 3}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["tcp", "rtu", "tcp, watched"])
def test_a_coil_is_switched_off(judgement: Judge, kind: str, fault: str, point: str) -> None:
    plc = SimulatedPlc(is_rtu=kind == "rtu", coil=True)
    faults = ["ok"] * POINTS[point] + [fault]
    script = [("part", 300, faults), ("part", 130, []), ("part", 1500, [])]
    play(plc, judgement, script, watched="watched" in kind).check()


@pytest.mark.parametrize("after_ms", [0, 1, 99, 101, 110, 119, 121, 122, 200])
@pytest.mark.parametrize("fault", ["ok", "answer lost", "away", "exits", "killed after"])
def test_a_stop_at_any_moment_leaves_it_off_or_says_so(judgement: Judge, after_ms: int, fault: str) -> None:
    plc = SimulatedPlc(coil=True)
    play(plc, judgement, [("part", after_ms, ["ok", "ok"]), ("stop", 500, [fault])]).check()


def test_a_second_stop_changes_nothing(judgement: Judge) -> None:
    plc = SimulatedPlc()
    line = Line(plc, judgement)
    line.run_until(MS)
    line.reject()
    line.run_until(110 * MS)
    assert plc.coil
    plc.faults = ["request lost", "request lost"]
    line.pulses.close()
    line.pulses.step()
    line.stop()
    assert not plc.coil and not line.pulses.open_since_ns


def test_a_thread_that_dies_over_its_plan_drives_the_output_off_and_goes_on(
    pins: MockFactory, judgement: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = open_gate(GateConfig("gpio://17?delay_ms=0&pulse_ms=300"))
    assert gate.drive_off(5)
    confirmed = gate._pulses._plan.confirmed  # type: ignore[attr-defined]
    deaths = iter([RuntimeError("a bug of ours")])

    def die(*args: Any) -> None:
        if (error := next(deaths, None)) is not None:
            raise error
        confirmed(*args)

    monkeypatch.setattr(gate._pulses._plan, "confirmed", die)  # type: ignore[attr-defined]
    gate.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_until(lambda: "thread gate: died" in " ".join(DEATHS.problems()))
    wait_until(lambda: gate.drive_off(5) and not pins.pin(17).state)
    gate.act(judgement(1, reject=True, captured_ns=time.monotonic_ns()))
    wait_until(lambda: gate.counters()["fired"] == 1)
    gate.close()
    DEATHS._last.clear()
    counts = gate.counters()
    assert counts["rejected"] == counts["fired"] + counts["missed"] == 2


# --- GPIO ---


class FailingPin(MockPin):
    """Raises what it is told at its writes, after or before they had their effect."""

    faults: ClassVar[list[tuple[BaseException, bool] | None]] = []

    def _set_state(self, value: Any) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or fault[1]:
            super()._set_state(value)
        if fault is not None:
            raise fault[0]


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    monkeypatch.setattr("edge.gates.plan.AGAIN_NS", 50_000_000)
    gpiozero.Device.pin_factory = MockFactory(pin_class=FailingPin)
    yield gpiozero.Device.pin_factory
    FailingPin.faults = []
    gpiozero.Device.pin_factory.reset()


@pytest.mark.parametrize("point", ["on", "off"])
@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("error", [OSError("gone"), gpiozero.GPIOZeroError("busy"), SystemExit(1)], ids=repr)
def test_a_pin_is_switched_off_whatever_its_library_raises(
    pins: MockFactory, judgement: Judge, error: BaseException, done: bool, point: str
) -> None:
    gate = open_gate(GateConfig("gpio://17?delay_ms=0&pulse_ms=100"))
    assert gate.drive_off(5)
    FailingPin.faults = [(error, done)] if point == "on" else [None, (error, done)]
    gate.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_until(lambda: not FailingPin.faults and gate.drive_off(5))
    assert not pins.pin(17).state
    gate.close()
    counts = gate.counters()
    assert counts["rejected"] == counts["fired"] + counts["missed"] == 1


def test_a_pin_that_states_otherwise_is_no_confirmation(
    pins: MockFactory, judgement: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.gates.pulses.CLOSE_S", 0.2)
    monkeypatch.setattr(FailingPin, "_get_state", lambda self: True)  # a short circuit to 3.3 V
    gate = open_gate(GateConfig("gpio://17?delay_ms=0"))
    wait_until(lambda: gate.condition().open_since_ns)
    assert "gpio://17: states on after it was switched off" in gate.condition().problem
    gate.close()
    assert gate.condition().open_since_ns


# --- registers, which a PLC times ---


class Registers(SimulatedPlc):
    """The truth of four registers, behind faults of the same kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.values = [0, 0, 0, 0]
        self.seen: list[list[int]] = []

    def write_registers(self, address: int, values: list[int], device_id: int) -> Any:
        answer = type("Answer", (), {"address": address, "count": 4, "isError": lambda self: False})()
        self._todo = values
        return self._ask(True, answer)

    def read_holding_registers(self, address: int, count: int, device_id: int) -> Any:
        answer = type(
            "Answer", (), {"registers": self.values[:count], "function_code": 3, "isError": lambda self: False}
        )()
        return self._ask(None, answer)

    def _set(self, value: bool) -> None:
        """A PLC acts on what has another count than before."""
        if value and self._todo[:2] != self.values[:2]:
            self.seen.append(self._todo)
            self.values = list(self._todo)


def test_the_count_goes_on_after_a_restart_so_that_a_plc_sees_the_first_decision(judgement: Judge) -> None:
    plc = Registers()
    for start in range(3):
        device = Device("plc", 1, plc, clock=lambda: plc.now_ns / 1e9)
        gate = RegisterGate(device, 4, clock=lambda: plc.now_ns / 1e9, start=False)
        gate.deliver(judgement(start, reject=True), plc.now_ns / 1e9)
        gate.close()
    assert [values[1] for values in plc.seen] == [1, 2, 3]
    plc.values = [0xFFFF, 0xFFFF, 1, 2]
    gate = RegisterGate(Device("plc", 1, plc), 4, clock=lambda: plc.now_ns / 1e9, start=False)
    gate.deliver(judgement(3, reject=True), plc.now_ns / 1e9)
    assert plc.seen[-1] == [0, 0, 1, 3]


@pytest.mark.parametrize("point", [0, 1, 2, 3])
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if "killed" not in fault and "done" not in fault])
def test_a_plc_acts_once_on_each_decision_that_counts_as_fired(judgement: Judge, fault: str, point: int) -> None:
    plc = Registers()
    device = Device("plc", 1, plc, clock=lambda: plc.now_ns / 1e9)

    def sleep(seconds: float) -> None:
        plc.advance(plc.now_ns + round(seconds * 1e9))

    gate = RegisterGate(device, 4, clock=lambda: plc.now_ns / 1e9, sleep=sleep, start=False)
    plc.faults = ["ok"] * point + [fault]
    for part in range(4):
        gate.act(judgement(part, reject=True))
        try:
            gate.deliver(judgement(part, reject=True), plc.now_ns / 1e9)
        except SystemExit:
            continue  # the guard begins anew
    plc.advance(plc.now_ns + 4000 * MS)
    gate.act(judgement(4, reject=True))
    gate.deliver(judgement(4, reject=True), plc.now_ns / 1e9)
    gate.close()
    counts = gate.counters()
    assert counts["rejected"] == counts["fired"] + counts["missed"] == 5
    delivered = [values[3] for values in plc.seen]
    assert len(delivered) == len(set(delivered)), "none twice"
    if fault != "exits":  # of what a thread died over nothing is known
        assert counts["fired"] == len(delivered)


# --- a line controller, which times the gate itself ---


@pytest.fixture
def serial(controller: HostedController) -> Iterator[SerialGate]:
    gate = open_gate(GateConfig(controller.uri, distance=100, pulse=20, silence_ms=0, tolerance_ms=1000))
    assert isinstance(gate, SerialGate)
    wait_until(lambda: gate.link.state == "up")
    yield gate
    gate.close()


def is_told(gate: SerialGate) -> bool:
    """The controller has confirmed that it will reject the part."""
    part = gate._pairing.oldest()
    return part is not None and part.sent == "reject" and not len(gate.link._requests)


def test_a_controller_that_states_its_gate_open_for_long_is_told_so_until_it_closes(
    controller: HostedController, serial: SerialGate, judgement: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.gates.controller.controller._OPEN_NS", 200_000_000)
    assert serial.drive_off(5)
    wait_until(lambda: serial.link.clock.samples > 3)
    controller.do("eye")
    serial.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_until(lambda: is_told(serial))
    controller.do("tick 101")  # and the belt stops in the midst of the pulse
    wait_until(lambda: serial.condition().open_since_ns)
    assert not serial.drive_off(0.1)
    controller.do("tick 50")
    wait_until(lambda: not serial.condition().open_since_ns)
    assert serial.drive_off(5)


@pytest.mark.parametrize("when", ["before on", "on"])
def test_the_controller_closes_by_itself_when_this_side_is_gone(
    controller: HostedController, serial: SerialGate, judgement: Judge, when: str
) -> None:
    wait_until(lambda: serial.link.clock.samples > 3)
    controller.do("eye")
    serial.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_until(lambda: is_told(serial))
    if when == "on":
        controller.do("tick 101")
    serial.link.close()
    controller.do("tick 200")
    said = [line for line in controller.stop() if line.startswith("gate")]
    assert said and said[-1].startswith("gate closed"), said


def test_a_listener_that_raises_loses_no_part(controller: HostedController, judgement: Judge) -> None:
    from edge.gates.factory import line_settings, serial_port

    def fail(outcome: object) -> None:
        raise ValueError("the user's own")

    config = GateConfig(controller.uri, distance=100)
    gate = SerialGate(serial_port(config.uri), line_settings(config), listener=fail)
    for part in range(3):
        gate.act(judgement(part, reject=True))
    gate.close()
    counts = gate.counters()
    assert counts["rejected"] == counts["fired"] + counts["missed"] == 3


# --- kinds without an output of their own ---


@pytest.mark.parametrize("uri", ["sim://", "sim://?delay_ms=50", "none"])
def test_where_nothing_can_be_on_nothing_is_owed(judgement: Judge, uri: str) -> None:
    gate: Gate = open_gate(GateConfig(uri))
    gate.act(judgement(0, reject=True))
    assert gate.drive_off(0)
    assert not gate.condition().open_since_ns
    gate.close()


def test_a_register_gate_has_no_output_to_drive_off() -> None:
    gate = open_gate(GateConfig("modbus://127.0.0.1:9?register=4"))
    assert not gate.drive_off(0)
    gate.close()
