"""What an output is owed, without a device, a thread or a clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.gates.plan import AGAIN_NS, OVERDUE_NS, RETRY_NS, PulsePlan
from edge.gates.tally import GateTally

PULSE = 20_000_000
START = 1_000_000_000


@pytest.fixture
def tally() -> GateTally:
    return GateTally()


def plan_at_rest(tally: GateTally, *, self_closing: bool = False, beat_ns: int = 0) -> PulsePlan:
    """One whose first offs are confirmed: at its start and, the last, at START."""
    plan = PulsePlan(START - AGAIN_NS, PULSE, tally, self_closing=self_closing, beat_ns=beat_ns)
    assert [done(plan, START - AGAIN_NS), done(plan, START)] == ["off", "off"]
    return plan


def done(plan: PulsePlan, now_ns: int) -> str:
    """Takes the step that is due and confirms it."""
    step = plan.take(now_ns)
    if step is None:
        return ""
    plan.confirmed(step, now_ns)
    return step.kind


def failed(plan: PulsePlan, now_ns: int, *, unchanged: bool = False) -> str:
    step = plan.take(now_ns)
    assert step is not None
    plan.failed(step, now_ns, unchanged=unchanged)
    return step.kind


def test_the_first_step_is_an_off_and_until_it_is_confirmed_the_output_may_be_on(tally: GateTally) -> None:
    plan = PulsePlan(START, PULSE, tally)
    assert not plan.is_off
    assert plan.open_since(START) is None, "a moment is no alarm"
    assert failed(plan, START) == "off"
    assert plan.open_since(START) == START
    assert plan.take(START + RETRY_NS - 1) is None
    assert plan.wake_ns(START) == START + RETRY_NS
    assert done(plan, START + RETRY_NS) == "off"
    assert plan.is_off and plan.open_since(START + RETRY_NS) is None


def test_the_off_of_the_start_is_sent_again_for_an_on_of_a_killed_process_that_a_gateway_has_queued(
    tally: GateTally,
) -> None:
    plan = PulsePlan(START, PULSE, tally)
    assert done(plan, START) == "off"
    assert plan.is_off and plan.wake_ns(START) == START + AGAIN_NS
    assert done(plan, START + AGAIN_NS) == "off"
    assert plan.wake_ns(START + AGAIN_NS) is None


def test_a_part_opens_for_its_pulse_and_no_longer(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    due = START + 5
    plan.add(due)
    assert plan.take(due - 1) is None and plan.wake_ns(due - 1) == due
    assert done(plan, due) == "on"
    assert plan.open_since(due) is None and not plan.is_off
    assert plan.take(due + PULSE - 1) is None
    assert done(plan, due + PULSE) == "off"
    assert plan.wake_ns(due + PULSE) is None
    assert tally.counters()["fired"] == 1


def test_parts_that_follow_closely_keep_it_open_until_the_last_ones_pulse_is_over(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    plan.add(START)
    plan.add(START + PULSE // 2)
    assert [done(plan, START), done(plan, START + PULSE // 2)] == ["on", "on"]
    assert plan.take(START + PULSE) is None
    assert done(plan, START + PULSE // 2 + PULSE) == "off"


def test_a_part_that_is_added_late_shortens_no_pulse(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    plan.add(START + PULSE)
    assert done(plan, START + PULSE) == "on"
    plan.add(START + PULSE // 2)
    assert done(plan, START + PULSE + 1) == "on"
    assert plan.wake_ns(START + PULSE + 1) == START + 2 * PULSE


def test_an_on_that_fails_is_missed_owed_an_off_at_once_and_another_after_a_while(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    plan.add(START)
    assert failed(plan, START) == "on"
    assert tally.counters()["missed_output"] == 1
    assert plan.open_since(START) == START
    assert done(plan, START) == "off"
    assert plan.is_off and plan.take(START + AGAIN_NS - 1) is None
    assert plan.wake_ns(START) == START + AGAIN_NS
    assert done(plan, START + AGAIN_NS) == "off", "a gateway may have queued the on"
    assert plan.wake_ns(START + AGAIN_NS) is None


def test_an_on_that_was_never_sent_is_no_alarm_but_an_off_comes_first_all_the_same(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    plan.add(START)
    failed(plan, START, unchanged=True)
    assert plan.open_since(START + 2 * OVERDUE_NS) is None
    plan.add(START + 1)
    assert done(plan, START + 1) == "off"
    assert done(plan, START + 2) == "on"


def test_no_part_is_fired_before_the_off_is_confirmed_and_none_after_its_own_pulse(tally: GateTally) -> None:
    plan = PulsePlan(START, PULSE, tally)
    plan.add(START)
    plan.add(START + RETRY_NS)
    failed(plan, START)
    assert plan.take(START + PULSE + 1) is None
    assert tally.counters()["missed_output"] == 1
    assert [done(plan, START + RETRY_NS), done(plan, START + RETRY_NS)] == ["off", "on"]


def test_an_off_that_hangs_counts_as_one_that_failed(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    plan.add(START)
    done(plan, START)
    assert plan.take(START + PULSE) is not None
    assert plan.open_since(START + PULSE + OVERDUE_NS) is None
    assert plan.open_since(START + PULSE + OVERDUE_NS + 1) == START


@pytest.mark.parametrize("step", ["on", "off"])
def test_who_dies_over_a_step_leaves_an_off_owed_and_the_sum_whole(tally: GateTally, step: str) -> None:
    plan = plan_at_rest(tally)
    tally.add("rejected")
    plan.add(START)
    if step == "off":
        done(plan, START)
    taken = plan.take(START + PULSE)
    assert taken is not None and taken.kind == step
    plan.broken(START + PULSE)
    assert plan.open_since(START + PULSE) == (START if step == "off" else START + PULSE)
    assert done(plan, START + PULSE) == "off"
    assert tally.open == 0


def test_the_end_cuts_a_pulse_short_and_sends_an_off_whatever_is_on(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    plan.add(START)
    plan.add(START + 10 * PULSE)
    done(plan, START)
    plan.close(START + 1)
    assert tally.counters()["missed_closed"] == 1
    assert not plan.settled
    assert done(plan, START + 1) == "off"
    assert plan.settled


@pytest.mark.parametrize("ask", [PulsePlan.close, PulsePlan.drive_off])
def test_an_on_that_is_under_way_when_an_off_is_asked_for_is_followed_by_it(
    tally: GateTally, ask: Callable[[PulsePlan, int], None]
) -> None:
    plan = plan_at_rest(tally)
    plan.add(START)
    step = plan.take(START)
    assert step is not None and step.kind == "on"
    ask(plan, START + 1)
    plan.confirmed(step, START + 2)
    assert not plan.is_off
    assert done(plan, START + 2) == "off"
    assert plan.is_off


def test_an_off_that_was_under_way_before_one_was_asked_for_is_sent_again(tally: GateTally) -> None:
    plan = plan_at_rest(tally)
    plan.drive_off(START + 1)
    step = plan.take(START + 1)
    assert step is not None
    plan.drive_off(START + 2)  # the coil may have been switched on by somebody else meanwhile
    plan.confirmed(step, START + 3)
    assert not plan.is_off
    assert done(plan, START + 3) == "off"
    assert plan.is_off


def test_the_end_tries_once_where_the_output_is_known_to_be_off_and_on_where_it_is_not(tally: GateTally) -> None:
    known, unknown = plan_at_rest(tally), PulsePlan(START, PULSE, tally)
    for plan in (known, unknown):
        plan.close(START)
        failed(plan, START)
    assert known.settled and known.open_since(START) is None
    assert not unknown.settled and unknown.open_since(START)


def test_a_device_that_ends_pulses_itself_is_sent_no_off_but_at_start_end_and_after_errors(tally: GateTally) -> None:
    plan = plan_at_rest(tally, self_closing=True)
    plan.add(START)
    assert done(plan, START) == "on" and plan.is_off
    plan.add(START + PULSE)
    assert failed(plan, START + PULSE) == "on"
    assert done(plan, START + PULSE) == "off"


def test_a_sign_of_life_makes_room_for_pulses_and_stops_while_an_off_is_owed(tally: GateTally) -> None:
    every = 500_000_000
    plan = plan_at_rest(tally, beat_ns=every)
    assert done(plan, START) == "beat"
    due = START + every + 10_000_000
    plan.add(due)
    assert plan.take(START + every) is None, "a pulse is about to begin"
    assert plan.wake_ns(START + every) == due
    assert [done(plan, due), done(plan, due + PULSE), done(plan, due + PULSE)] == ["on", "off", "beat"]
    later = due + PULSE + every
    assert failed(plan, later) == "beat"
    assert plan.open_since(later) is None
    assert failed(plan, later) == "off"
    assert plan.take(later + 1) is None, "the PLC is left to close the gate by itself"


def test_there_is_room_for_so_many_parts_only(tally: GateTally, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.gates.plan.MAX_WAITING", 2)
    plan = plan_at_rest(tally)
    assert [plan.add(START + part) for part in range(3)] == [True, True, False]
