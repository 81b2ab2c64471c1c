"""Faults of a real link, under real pymodbus: the coil is off soon after the PLC can be reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from edge.gates import Gate, open_gate
from edge.gates.options import GateConfig
from edge.inference.judgement import Judgement
from tests.edge.gates.faulty_plc import FaultyPlc, RtuPlc, TcpPlc, wait_for

Judge = Callable[..., Judgement]
COIL = 3


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be waited for is shorter than in the product; what may not come too late is longer."""
    monkeypatch.setattr("edge.gates.modbus.device.TIMEOUT_S", 0.2)
    monkeypatch.setattr("edge.gates.modbus.device.REOPEN_S", 0.1)
    monkeypatch.setattr("edge.gates.plan.AGAIN_NS", 200_000_000)


@pytest.fixture(params=[TcpPlc, RtuPlc], ids=["tcp", "rtu"])
def plc(request: pytest.FixtureRequest) -> Iterator[FaultyPlc]:
    """Whoever was killed before has left its coil on."""
    made = request.param()
    made.coils[COIL] = True
    yield made
    made.close()


@pytest.fixture
def tcp() -> Iterator[TcpPlc]:
    made = TcpPlc()
    yield made
    made.close()


def started(plc: FaultyPlc, options: str = "") -> Gate:
    """A gate whose first off is confirmed."""
    gate = open_gate(GateConfig(f"modbus://{plc.place}?coil={COIL}&delay_ms=50&pulse_ms=300{options}"))
    wait_for(lambda: plc.writes)
    assert gate.drive_off(5)
    return gate


@pytest.mark.parametrize("point", ["on", "off"])
@pytest.mark.parametrize("fault", ["lost", "unanswered", "late", "wrong"])
def test_after_any_lost_late_or_wrong_answer_the_coil_is_switched_off(
    plc: FaultyPlc, judgement: Judge, fault: str, point: str
) -> None:
    gate = started(plc)
    assert not plc.coils[COIL], "the start switches it off"
    plc.faults = [fault] if point == "on" else ["", fault]
    gate.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_for(lambda: not plc.faults and gate.counters()["fired"] + gate.counters()["missed"] == 1)
    wait_for(lambda: not plc.coils[COIL] and not gate.condition().open_since_ns)
    gate.close()
    assert not plc.coils[COIL] and plc.writes[-1][2] is False
    counts = gate.counters()
    assert (counts["fired"], counts["missed"]) == ((0, 1) if point == "on" else (1, 0))


def test_a_plc_that_is_away_is_told_off_when_it_is_back_and_no_old_part_is_fired(
    tcp: TcpPlc, judgement: Judge
) -> None:
    gate = started(tcp)
    gate.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_for(lambda: tcp.coils[COIL])
    tcp.go_away(1.5)
    wait_for(lambda: gate.condition().open_since_ns)
    since_ns = gate.condition().open_since_ns
    assert abs(time.time_ns() - since_ns) < 60e9
    for part in range(1, 4):
        gate.act(judgement(part, reject=True, captured_ns=time.monotonic_ns()))
    wait_for(lambda: not tcp.coils[COIL])
    wait_for(lambda: not gate.condition().open_since_ns)
    assert gate.counters()["missed_output"] == 3
    assert sum(is_on for _, _, is_on in tcp.writes) == 1
    gate.close()


def test_the_end_says_that_no_off_was_confirmed_and_does_not_hang(
    tcp: TcpPlc, judgement: Judge, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.gates.pulses.CLOSE_S", 0.3)
    gate = started(tcp)
    tcp.faults = ["unanswered"]
    gate.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_for(lambda: tcp.coils[COIL])
    tcp.go_away(1e9)
    gate.close()
    assert gate.condition().open_since_ns
    assert [record.message for record in caplog.records if "MAY STILL BE OPEN" in record.message]
    counts = gate.counters()
    assert counts["rejected"] == counts["fired"] + counts["missed"] == 1


def test_a_plc_that_ends_the_pulse_itself_is_told_no_off(tcp: TcpPlc, judgement: Judge) -> None:
    gate = started(tcp, "&pulse=plc")
    wait_for(lambda: gate._pulses.wake_ns() is None)  # type: ignore[attr-defined]  # the start's second off is over
    before = len(tcp.writes)
    gate.act(judgement(0, reject=True, captured_ns=time.monotonic_ns()))
    wait_for(lambda: gate.counters()["fired"] == 1)
    time.sleep(0.4)  # longer than a pulse: nothing may come
    assert [is_on for _, _, is_on in tcp.writes[before:]] == [True]
    tcp.faults = ["unanswered"]
    gate.act(judgement(1, reject=True, captured_ns=time.monotonic_ns()))
    wait_for(lambda: tcp.writes[-1][2] is False)
    gate.close()


def test_a_watchdog_register_counts_on_while_all_is_well(tcp: TcpPlc) -> None:
    gate = started(tcp, "&watchdog=9")
    wait_for(lambda: tcp.registers[9] >= 2)
    gate.close()


def test_a_register_whose_answer_was_lost_is_read_back_and_not_counted_as_missed(
    plc: FaultyPlc, judgement: Judge
) -> None:
    gate = open_gate(GateConfig(f"modbus://{plc.place}?register=4"))
    wait_for(lambda: gate._base is not None)  # type: ignore[attr-defined]  # it has asked what was counted before
    plc.faults = ["unanswered", "", "lost"]  # a decision, its read-back, the next decision
    gate.act(judgement(0, reject=True))
    gate.act(judgement(1, reject=True))
    wait_for(lambda: gate.counters()["fired"] == 2)
    gate.close()
    assert plc.decisions == [[0, 1, 1, 0], [0, 2, 1, 1]], "each once: what arrived is not repeated, what did not is"
    assert gate.counters()["missed"] == 0
