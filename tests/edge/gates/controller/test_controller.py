"""The serial gate against the firmware's core on a pty."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.errors import ConfigError, GateError
from edge.gates.controller.controller import GateOutcome, SerialGate
from edge.gates.controller.port import Port
from edge.gates.controller.protocol import ControllerConfig, ControllerFault
from edge.gates.factory import serial_port
from edge.gates.gate import GateCondition
from edge.inference.judgement import Judgement
from tests.firmware_stubs.hosted import HostedController, wait_until

pytestmark = pytest.mark.realtime

LINE = ControllerConfig(
    0, distance=100, pulse=5, eye_gap=2, eye_blocked=0, silence_ms=200, feedback_ms=0, late=0, failsafe=0
)
Judge = Callable[..., Judgement]


class Bench:
    """A gate, its controller, and what became of the parts."""

    def __init__(self, controller: HostedController, **options: float) -> None:
        self.outcomes: list[GateOutcome] = []
        self.controller = controller
        self.gate = SerialGate(Port(str(controller.port)), LINE, listener=self.outcomes.append, **options)  # type: ignore[arg-type]
        wait_until(lambda: self.gate.link.state == "up")

    def counts(self, name: str) -> int:
        return self.gate.counters().get(name, 0)


@pytest.fixture
def bench(controller: HostedController) -> Iterator[Bench]:
    made = Bench(controller)
    yield made
    made.gate.close()


def test_a_rejected_part_is_fired_at_its_tick_and_a_good_one_is_not(bench: Bench, judgement: Judge) -> None:
    for part in range(4):
        bench.controller.do("tick 10", "eye")
        bench.gate.act(judgement(part, reject=part % 2 == 0))
        time.sleep(0.05)
    bench.controller.do("tick 100")
    wait_until(lambda: bench.counts("fired") == 2)
    assert [(outcome.judgement.part, outcome.fired) for outcome in bench.outcomes] == [(0, 110), (2, 130)]
    bench.gate.close()
    printed = bench.controller.stop()
    assert [line for line in printed if "open" in line] == ["gate open 110", "gate open 130"]
    assert bench.counts("unpaired_triggers") == bench.counts("unpaired_frames") == bench.counts("late") == 0


def test_a_decision_that_comes_too_late_is_missed_with_that_reason(bench: Bench, judgement: Judge) -> None:
    bench.controller.do("tick 1", "eye")
    taken = time.monotonic_ns()
    bench.controller.do("tick 150")
    wait_until(lambda: bench.counts("late") == 1)
    bench.gate.act(judgement(0, reject=True, captured_ns=taken))
    wait_until(lambda: bench.counts("missed_late") == 1)
    assert bench.outcomes[0].missed == "late"
    assert bench.counts("fired") == 0


def test_a_frame_without_a_trigger_and_a_trigger_without_a_frame_are_counted(bench: Bench, judgement: Judge) -> None:
    bench.gate.act(judgement(0, reject=True))
    wait_until(lambda: bench.counts("unpaired_frames") == 1)
    assert bench.outcomes[0].missed == "unpaired"
    bench.controller.do("eye", "tick 150")
    wait_until(lambda: bench.counts("unpaired_triggers") == 1)


def test_a_frame_belongs_to_the_trigger_nearest_to_it_after_the_usual_delay(
    controller: HostedController, judgement: Judge
) -> None:
    bench = Bench(controller, delay_ms=100, tolerance_ms=30)
    controller.do("eye")
    seen = time.monotonic_ns()
    time.sleep(0.02)
    controller.do("tick 10", "eye")
    bench.gate.act(judgement(0, reject=True, captured_ns=seen + 100_000_000))
    time.sleep(0.1)
    controller.do("tick 100")
    wait_until(lambda: bench.counts("fired") == 1)
    assert bench.outcomes[0].fired == 100
    bench.gate.close()


def test_with_two_cameras_a_part_passes_when_both_say_so_and_one_reject_is_enough(
    controller: HostedController, judgement: Judge
) -> None:
    bench = Bench(controller, cameras=2)
    controller.do("eye")
    bench.gate.act(judgement(0, reject=False, camera=0))
    bench.gate.act(judgement(0, reject=True, camera=1))
    time.sleep(0.1)
    controller.do("tick 10", "eye")
    bench.gate.act(judgement(1, reject=True, camera=0))
    bench.gate.act(judgement(1, reject=True, camera=1))
    time.sleep(0.1)
    controller.do("tick 100")
    wait_until(lambda: bench.counts("fired") == 3)  # judgements
    bench.gate.close()
    assert [line for line in controller.stop() if "open" in line] == ["gate open 100", "gate open 110"]


def test_when_the_controller_restarts_it_is_greeted_within_a_second_and_the_parts_at_risk_are_named(
    bench: Bench, judgement: Judge, caplog: pytest.LogCaptureFixture
) -> None:
    for part in range(3):
        bench.controller.do("tick 10", "eye")
        bench.gate.act(judgement(part, reject=part == 1))
        time.sleep(0.05)
    bench.controller.do("reset")
    assert wait_until(lambda: bench.counts("restarts") == 1 and bench.gate.link.state == "up") < 1.0
    assert bench.gate.at_risk == (0, 1, 2)
    assert [outcome.missed for outcome in bench.outcomes] == ["reset"]
    assert "parts 0, 1, 2 were between photo-eye and gate" in caplog.text
    bench.controller.do("tick 10", "eye")
    bench.gate.act(judgement(3, reject=True))
    time.sleep(0.1)
    bench.controller.do("tick 100")
    wait_until(lambda: bench.counts("fired") == 1)
    assert bench.counts("at_risk") == 3


def test_a_port_that_appears_later_or_comes_back_is_used_within_a_second(tmp_path: Path, judgement: Judge) -> None:
    gate = SerialGate(Port(str(tmp_path / "line")), LINE)
    time.sleep(0.1)
    assert "no such device" in gate.link.problem
    for lost in range(2):
        controller = HostedController(tmp_path / "line")
        assert wait_until(lambda: gate.counters()["connected"] == 1) < 1.0
        assert gate.link.lost == lost
        assert gate.link.problem == ""
        controller.stop()
        wait_until(lambda: gate.counters()["connected"] == 0)
    gate.close()


def test_a_link_that_was_silent_goes_on_where_it_was(bench: Bench, judgement: Judge) -> None:
    bench.controller.do("tick 10", "eye")
    bench.gate.act(judgement(0, reject=True))
    time.sleep(0.1)
    bench.controller.do("stall 1000")
    wait_until(lambda: bench.gate.link.state == "silent")
    wait_until(lambda: bench.gate.link.state == "up")
    bench.controller.do("tick 100")
    wait_until(lambda: bench.counts("fired") == 1)
    assert bench.counts("restarts") == 0
    assert bench.counts("links_lost") == 1


def test_faults_are_counted_and_known_while_they_last(bench: Bench) -> None:
    bench.controller.do("tick 1", "eye")
    time.sleep(0.3)
    bench.controller.do("eye")
    wait_until(lambda: bench.gate.faults == {ControllerFault.ENCODER_SILENT})
    assert bench.gate.condition() == GateCondition("", ("encoder silent",), "1.0.0", 1)
    bench.controller.do("tick 1")
    wait_until(lambda: not bench.gate.faults)
    assert bench.counts("faults") == 1


def test_a_port_at_which_nobody_answers_says_so_after_a_second() -> None:
    master, slave = os.openpty()
    gate = SerialGate(Port(os.ttyname(slave)), LINE)
    assert gate.condition().problem == ""
    took = wait_until(lambda: gate.condition().problem)
    assert took > 0.9
    assert "no controller answers; expected the firmware" in gate.condition().problem
    gate.close()
    os.close(master)
    os.close(slave)


def test_the_slack_is_the_time_left_until_the_part_is_at_the_gate(tmp_path: Path, judgement: Judge) -> None:
    controller = HostedController(tmp_path / "line", "--speed", "200")
    bench = Bench(controller)
    time.sleep(1.0)
    controller.do("eye")
    taken = time.monotonic_ns()
    time.sleep(0.2)
    bench.gate.act(judgement(0, reject=True, captured_ns=taken))
    wait_until(lambda: bench.counts("fired") == 1)
    slack = bench.gate.slack.snapshot()
    assert slack.total == 1
    assert slack.min_ms == pytest.approx(300, abs=80)
    bench.gate.close()
    controller.stop()


def test_a_port_in_use_says_so(bench: Bench) -> None:
    port = Port(str(bench.controller.port))
    with pytest.raises(GateError, match="used by another process; stop the daemon"):
        port.open()


@pytest.mark.parametrize("uri", ["serial://", "serial://ttyACM0", "serial:///dev/x?baud=fast", "serial:///dev/x?b=1"])
def test_a_wrong_port_is_named(uri: str) -> None:
    with pytest.raises(ConfigError, match="serial:"):
        serial_port(uri)
