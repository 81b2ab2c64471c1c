"""The firmware's core, driven as a board would drive it."""

from __future__ import annotations

import pytest

from edge.gates.controller.protocol import (
    FIRE_TEST,
    Ack,
    Action,
    Alive,
    ControllerFault,
    ControllerMessage,
    ControllerStatus,
    FaultReport,
    Fire,
    Fired,
    Flag,
    Heartbeat,
    Hello,
    Late,
    LatePart,
    Nak,
    Pass,
    Received,
    Refusal,
    Reject,
    Trigger,
    encode,
)
from tests.firmware_stubs.building import build
from tests.firmware_stubs.core import LINE, SESSION, Core


@pytest.fixture
def core() -> Core:
    """Greeted and configured: 100 ticks from photo-eye to gate, open for 5."""
    core = Core(build("host"))
    core.greet()
    return core


def of(kind: type, messages: list[ControllerMessage]) -> list[ControllerMessage]:
    return [message for message in messages if isinstance(message, kind)]


def test_a_rejected_part_is_fired_at_its_exact_tick_and_a_good_one_is_not(core: Core) -> None:
    core.move(7)
    for part in range(3):
        core.part()
        verdict = Reject if part == 1 else Pass
        assert core.ask(verdict(SESSION, part, core.tick + 100)) == [Ack(4 if part == 1 else 5, part)]
        core.move(10)
    core.move(200)
    assert core.opened == [7 + 10 + 100]
    assert core.gate[-1] == (7 + 10 + 100 + 5, False)
    assert of(Fired, core.events()) == [Fired(1, 117)]


def test_gates_of_two_parts_that_follow_closely_stay_open_without_a_gap(core: Core) -> None:
    for _ in range(2):
        core.part()
        core.ask(Reject(SESSION, core.tick // 5, core.tick + 100))
        core.move(5)
    core.move(200)
    assert [change for change in core.gate if change[0]] == [(100, True), (105, True), (110, False)]


def test_a_decision_is_idempotent_and_the_first_word_stands_unless_another_camera_rejects(core: Core) -> None:
    core.part()
    for message in (Pass, Reject, Reject, Pass):
        assert of(Ack, core.ask(message(SESSION, 0, 100)))
    core.move(300)
    assert core.opened == [100]


def test_refusals_say_why(core: Core) -> None:
    assert core.ask(Reject(SESSION, 0, 100)) == [Refusal(4, Nak.UNKNOWN, 0)]  # no part yet
    core.part()
    assert core.ask(Reject(SESSION, 0, 101)) == [Refusal(4, Nak.UNKNOWN, 0)]  # not this part's tick
    assert core.ask(Reject(SESSION + 1, 0, 100)) == [Refusal(4, Nak.SESSION, 0)]
    assert core.ask(Reject(SESSION, 9, 100)) == [Refusal(4, Nak.UNKNOWN, 9)]
    core.move(100)
    assert core.ask(Reject(SESSION, 0, 100)) == [Refusal(4, Nak.PAST, 0)]
    assert core.ask(Hello(99, SESSION)) == [Refusal(1, Nak.PROTOCOL, 0)]
    assert core.ask(LINE._replace(distance=0)) == [Refusal(2, Nak.MALFORMED, 0)]
    assert core.opened == []


def test_parts_beyond_the_queue_are_counted_and_refused_as_full(core: Core) -> None:
    core.ask(LINE._replace(distance=1000))
    for _ in range(70):
        core.move(3)
        core.part()
    assert core.ask(Reject(SESSION, 65, 65 * 3 + 3 + 1000)) == [Refusal(4, Nak.FULL, 65)]
    assert core.ask(Reject(SESSION, 63, 63 * 3 + 3 + 1000)) == [Ack(4, 63)]
    [status] = of(ControllerStatus, core.ask(Hello(1, SESSION)))
    assert isinstance(status, ControllerStatus)
    assert (status.untracked, status.queue) == (6, 64)
    core.move(2000)
    core.part()  # the queue is in order again
    assert core.ask(Reject(SESSION, 70, core.tick + 1000)) == [Ack(4, 70)]


@pytest.mark.parametrize("action", Action)
def test_a_part_that_nobody_decided_on_gets_the_late_action_and_is_reported(core: Core, action: Action) -> None:
    core.ask(LINE._replace(late=action))
    core.part()
    core.move(300)
    assert core.opened == ([100] if action else [])
    assert of(LatePart, core.events()) == [LatePart(0, 100, Late.UNDECIDED, action)]


@pytest.mark.parametrize("action", Action)
def test_without_heartbeats_the_failsafe_acts_and_the_alarm_is_on_until_they_are_back(
    core: Core, action: Action
) -> None:
    core.ask(LINE._replace(failsafe=action))
    core.wait(400)
    assert not core.alarm
    core.part()
    core.ask(Reject(SESSION, 0, 100))
    core.move(10)
    core.part()
    core.wait(600, beating=False)
    assert core.alarm
    core.move(300)
    # What was decided on is done all the same.
    assert core.opened == ([100, 110] if action else [100])
    assert LatePart(1, 110, Late.FAILSAFE, action) in core.events()
    core.wait(10)
    assert not core.alarm


def test_a_reset_empties_the_queue_keeps_the_line_and_waits_for_a_hello(core: Core) -> None:
    core.part()
    core.ask(Reject(SESSION, 0, 100))
    core.start()
    assert core.alarm
    [status] = core.heard()
    assert isinstance(status, ControllerStatus)
    assert (status.session, status.boots, status.tick) == (0, 2, 0)
    assert status.flags == Flag.FAILSAFE | Flag.CONFIGURED
    core.part()
    # A decision on a part of the time before, of the same number and tick.
    assert core.ask(Reject(SESSION, 0, 100)) == [Refusal(4, Nak.SESSION, 0)]
    core.wait(250, beating=False)
    core.move(300)
    assert core.opened == []
    core.ask(Hello(1, SESSION))
    assert of(Trigger, core.events()), "what happened before the hello is told after it"


def test_without_a_hello_it_says_that_it_is_there_ten_times_a_second() -> None:
    core = Core(build("host"))
    core.heard()
    assert len(of(ControllerStatus, core.wait(1000, beating=False))) == 10


def test_after_power_on_nothing_is_done_before_the_line_is_configured() -> None:
    core = Core(build("host"))
    core.part()
    core.ask(Hello(1, SESSION))
    assert core.events() == []
    assert core.ask(Fire(SESSION)) == [Refusal(6, Nak.UNKNOWN, 0)]


def test_events_are_sent_again_until_they_are_received_and_never_out_of_order(core: Core) -> None:
    for _ in range(40):
        core.move(3)
        core.part()
    first = of(Trigger, core.poll() + core.wait(49))
    assert [trigger.part for trigger in first] == list(range(16))  # type: ignore[union-attr]
    assert of(Trigger, core.wait(10)), "nothing came back: from the oldest again"
    core.ask(Received(SESSION, 0), 10)
    parts = [trigger.part for trigger in of(Trigger, core.wait(60))]  # type: ignore[union-attr]
    assert min(parts) == 10
    assert max(parts) == 25


def test_a_gap_is_filled_at_once(core: Core) -> None:
    for _ in range(3):
        core.move(3)
        core.part()
    core.poll()
    core.wait(3)
    core.ask(Received(SESSION, 1), 1)
    assert [trigger.part for trigger in of(Trigger, core.poll())] == [1, 2]  # type: ignore[union-attr]


def test_events_that_made_room_are_counted_and_the_pi_is_told_where_to_go_on(core: Core) -> None:
    for _ in range(100):
        core.move(3)
        core.part()
    core.poll()
    [status] = core.ask(Received(SESSION, 1), 0)
    assert isinstance(status, ControllerStatus)
    assert status.lost_events > 0
    assert status.next_event == status.lost_events % 256


def test_heartbeats_are_answered_with_clock_and_tick(core: Core) -> None:
    core.move(12)
    assert core.ask(Heartbeat(SESSION)) == [Alive(SESSION, core.now_us, 12, Flag.CONFIGURED)]


def test_bounces_of_the_photo_eye_are_no_parts(core: Core) -> None:
    core.part()
    core.move(1)
    core.part()
    core.move(1)
    core.part()
    assert len(of(Trigger, core.events())) == 2


def test_a_photo_eye_that_stays_dark_is_a_fault_until_it_is_free(core: Core) -> None:
    core.eye(True)
    core.move(51)
    core.wait(10)
    assert core.alarm
    core.eye(False)
    core.wait(10)
    assert not core.alarm
    faults = of(FaultReport, core.events())
    assert faults == [
        FaultReport(ControllerFault.EYE_BLOCKED, 1, 51),
        FaultReport(ControllerFault.EYE_BLOCKED, 0, 51),
    ]


def test_a_gate_that_does_not_follow_is_a_fault(core: Core) -> None:
    core.feedback(True)
    core.wait(30)
    assert core.alarm
    core.feedback(False)
    core.wait(5)
    assert [fault.active for fault in of(FaultReport, core.events())] == [1, 0]  # type: ignore[union-attr]


def test_when_the_encoder_falls_silent_the_gate_closes_and_parts_without_ticks_are_a_fault(core: Core) -> None:
    core.part()
    core.ask(Reject(SESSION, 0, 100))
    core.move(100)
    core.feedback(True)
    core.wait(300)
    assert core.gate[-1][1] is False
    core.move(1)
    core.wait(5)
    silent = [fault for fault in of(FaultReport, core.events()) if fault.kind == ControllerFault.ENCODER_SILENT]  # type: ignore[union-attr]
    assert silent == [
        FaultReport(ControllerFault.ENCODER_SILENT, 1, 100),
        FaultReport(ControllerFault.ENCODER_SILENT, 0, 101),
    ]
    core.feedback(False)
    core.part()
    core.wait(300)
    core.part()
    assert FaultReport(ControllerFault.ENCODER_SILENT, 1, core.tick) in core.events()


def test_a_fire_test_opens_and_closes_on_a_standing_belt(core: Core) -> None:
    assert core.ask(Fire(SESSION)) == [Ack(6, 0)]
    assert of(Fired, core.events()) == [Fired(FIRE_TEST, 0)]
    core.feedback(True)
    core.wait(60)
    core.feedback(False)
    assert [now for _, now in core.gate] == [False, True, False]
    assert not of(FaultReport, core.events())


def test_a_new_distance_gives_up_the_parts_underway_and_reports_them(core: Core) -> None:
    core.part()
    core.ask(Reject(SESSION, 0, 100))
    core.ask(LINE._replace(distance=50))
    core.move(20)
    core.part()
    assert core.ask(Reject(SESSION, 1, 70)) == [Ack(4, 1)]
    core.move(200)
    assert core.opened == [70]
    assert LatePart(0, 100, Late.RECONFIGURED, Action.PASS) in core.events()


def test_ticks_and_clock_may_wrap(core: Core) -> None:
    core.now_us = 0xFFFFFFFF - 100_000
    core.wait(5)
    assert not core.alarm
    core.wait(400)
    core.now_us &= 0xFFFFFFFF
    core.wait(400)
    assert not core.alarm


def test_garbage_cut_and_endless_frames_are_counted_and_the_next_frame_is_understood(core: Core) -> None:
    good = encode(Heartbeat(SESSION), 1)
    damaged = bytes((good[0], good[1] ^ 4)) + good[2:]
    assert core.feed(b"\x01\xff\x03" + b"x" * 500 + b"\0") == []
    assert core.feed(damaged + good[:-3] + b"\0" + b"\0\0") == []
    assert of(Alive, core.feed(good))
    [status] = of(ControllerStatus, core.ask(Hello(1, SESSION)))
    assert isinstance(status, ControllerStatus)
    assert status.bad_frames == 3
