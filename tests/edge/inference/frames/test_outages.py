"""Losses are counted, timed and said once."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.inference.frames.outages import Outages

SECOND = 1_000_000_000


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_loss_lasts_from_the_first_failure_to_the_next_frame(clock: Clock) -> None:
    losses = Outages("camera://0", clock)
    losses.begin("was unplugged")
    clock.now += 3 * SECOND
    losses.begin("does not exist")
    assert (losses.count, losses.away) == (1, True)
    losses.end()
    began, ended = losses.take()
    assert (began.fault, began.begins, began.since_ns, began.detail) == ("lost", True, 5 * SECOND, "was unplugged")
    assert (ended.begins, ended.since_ns, ended.lasted_s, ended.detail) == (
        False,
        5 * SECOND,
        3.0,
        "back after 3.0 s",
    )
    assert losses.last is not None
    assert (losses.last.reason, losses.last.lost_ns, losses.away) == ("was unplugged", 5 * SECOND, False)
    assert losses.take() == []


def test_each_loss_and_return_is_one_line(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    losses = Outages("camera://0", clock)
    for _ in range(2):
        for _ in range(1000):
            losses.begin("was unplugged")
        for _ in range(1000):
            losses.end()
        clock.now += 20 * SECOND
    assert [record.getMessage() for record in caplog.records] == [
        "camera://0 lost: was unplugged; tried again until it is back",
        "camera://0 is back after 0.0 s",
    ] * 2


def test_a_loose_contact_does_not_fill_the_log(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    losses = Outages("camera://0", clock)
    for _ in range(100):
        losses.begin("was unplugged")
        clock.now += SECOND // 20
        losses.end()
        clock.now += SECOND // 20
    losses.begin("was unplugged")
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[-1].endswith("(99 more losses since the last one said)")
    assert losses.count == 101


@given(st.lists(st.sampled_from(["begin", "end"])))
def test_events_alternate_and_agree_with_the_count(moves: list[str]) -> None:
    losses = Outages("x", Clock())
    for move in moves:
        losses.begin("reason") if move == "begin" else losses.end()
    begins = [event.begins for event in losses.take()]
    assert begins == [i % 2 == 0 for i in range(len(begins))]
    assert losses.count == sum(begins)
    assert losses.away == (len(begins) % 2 == 1)
