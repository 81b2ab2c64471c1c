import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.sync.drain import Drain
from edge.device.sync.outbox import MemoryOutbox, OutboxEntry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox() -> MemoryOutbox:
    return MemoryOutbox()


def fill(outbox: MemoryOutbox, *kinds: str) -> list[OutboxEntry]:
    return [outbox.add(kind, "b", seq, b"", model="m") for seq, kind in enumerate(kinds)]


def ids(entries: list[OutboxEntry]) -> list[int]:
    return [entry.id for entry in entries]


def test_entries_go_in_order_and_only_as_many_as_there_is_room_for(outbox: MemoryOutbox) -> None:
    fill(outbox, *["drift"] * 200)
    drain = Drain(outbox)
    assert ids(drain.take(3)) == [1, 2, 3]
    assert ids(drain.take(150)) == list(range(4, 154))
    assert drain.take(0) == []


def test_what_arrived_leaves_the_outbox_and_what_did_not_stays(outbox: MemoryOutbox) -> None:
    fill(outbox, "drift", "drift", "drift")
    drain = Drain(outbox)
    drain.settle(drain.take(10)[:2])
    assert ids(outbox.pending(0, 10)) == [3]
    assert not drain.idle


def test_after_a_new_connection_the_unacknowledged_goes_out_again(outbox: MemoryOutbox) -> None:
    fill(outbox, *["drift"] * 5)
    drain = Drain(outbox)
    first = drain.take(4)
    drain.settle([first[1]])
    drain.restart()
    assert ids(drain.take(10)) == [1, 3, 4, 5]


def test_a_lane_that_is_not_taken_pauses_and_holds_up_no_other(outbox: MemoryOutbox, clock: Clock) -> None:
    entries = fill(outbox, "predictions", "drift", "predictions", "drift")
    drain = Drain(outbox, clock=clock)
    drain.hold(drain.take(1)[0])
    assert drain.take(10) == [entries[1], entries[3]]


def test_after_the_pause_one_probe_goes_out_and_then_the_rest_in_order(outbox: MemoryOutbox, clock: Clock) -> None:
    fill(outbox, *["predictions"] * 4)
    drain = Drain(outbox, pause_s=(1.0, 30.0), clock=clock)
    for entry in drain.take(2):
        drain.hold(entry)
    clock.now = 0.9
    assert drain.take(10) == []
    clock.now = 1.0
    probe = drain.take(10)
    assert ids(probe) == [1]
    assert drain.take(10) == []
    drain.settle(probe)
    assert ids(drain.take(10)) == [2, 3, 4]


def test_each_probe_that_fails_doubles_the_pause_up_to_the_limit(outbox: MemoryOutbox, clock: Clock) -> None:
    fill(outbox, "drift")
    drain = Drain(outbox, pause_s=(1.0, 4.0), clock=clock)
    drain.hold(drain.take(1)[0])
    sent_at = []
    for clock.now in range(1, 20):
        for entry in drain.take(1):
            sent_at.append(clock.now)
            drain.hold(entry)
    assert sent_at == [1, 3, 7, 11, 15, 19]


def test_a_probe_that_can_never_be_sent_gives_way_to_the_next(outbox: MemoryOutbox, clock: Clock) -> None:
    fill(outbox, "drift", "drift")
    drain = Drain(outbox, clock=clock)
    drain.hold(drain.take(1)[0])
    clock.now = 1.0
    drain.drop(drain.take(1)[0])
    assert ids(drain.take(10)) == [2]
    assert len(outbox) == 2


def test_a_kind_that_is_to_be_left_stays_in_the_outbox(outbox: MemoryOutbox) -> None:
    fill(outbox, *["predictions"] * 100, "drift")
    drain = Drain(outbox, leave=frozenset({"predictions"}))
    assert ids(drain.take(10)) == [101]
    assert drain.take(10) == []
    assert len(outbox) == 101


def test_what_comes_after_the_connection_goes_before_the_backlog(outbox: MemoryOutbox) -> None:
    fill(outbox, *["predictions"] * 200)
    drain = Drain(outbox)
    drain.restart()
    assert ids(drain.take(100)) == list(range(1, 101))
    fill(outbox, "drift", "stats")
    assert ids(drain.take(4)) == [201, 202, 101, 102]


class Blinking(MemoryOutbox):
    """As a buffer on a disk that cannot be read for a while."""

    blind = False

    def pending(self, after: int, limit: int) -> list[OutboxEntry]:
        return [] if self.blind else super().pending(after, limit)


def test_an_outbox_that_cannot_be_read_for_a_while_is_not_taken_for_empty() -> None:
    outbox = Blinking()
    fill(outbox, *["predictions"] * 100)
    drain = Drain(outbox)
    drain.restart()
    first = drain.take(10)
    outbox.blind = True
    assert len(drain.take(100)) <= 54
    assert drain.take(100) == []
    outbox.blind = False
    fill(outbox, "drift")
    rest = drain.take(1000)
    assert first[-1].id < 11
    assert {entry.id for entry in rest} >= {65, 100, 101}


def test_the_backlog_keeps_its_pace_and_live_entries_need_not(outbox: MemoryOutbox, clock: Clock) -> None:
    for seq in range(100):
        outbox.add("predictions", "b", seq, b"", count=100, model="m")
    drain = Drain(outbox, backlog_per_s=1000, clock=clock)
    drain.restart()
    sent = 0
    for step in range(51):
        clock.now = step / 10
        sent += len(drain.take(1000))
    assert 50 <= sent <= 52
    assert drain.rest_s > 0
    assert not drain.looked_through
    fill(outbox, *["drift"] * 10)
    assert len(drain.take(1000)) == 10


def test_a_lane_whose_entries_were_evicted_while_it_paused_does_no_harm(outbox: MemoryOutbox, clock: Clock) -> None:
    fill(outbox, "predictions")
    drain = Drain(outbox, clock=clock)
    drain.hold(drain.take(1)[0])
    outbox.acknowledge([1])
    clock.now = 5.0
    assert drain.take(10) == []
    later = outbox.add("predictions", "b", 9, b"", model="m")
    assert drain.take(10) == [later]


@given(
    st.lists(st.tuples(st.sampled_from(["predictions", "drift", "stats"]), st.integers(0, 5)), max_size=60),
    st.randoms(),
)
def test_whatever_is_refused_lost_or_late_everything_arrives(
    work: list[tuple[str, int]], chance: random.Random
) -> None:
    outbox, clock = MemoryOutbox(), Clock()
    drain = Drain(outbox, pause_s=(1.0, 4.0), clock=clock)
    for seq, (kind, _) in enumerate(work):
        outbox.add(kind, "b", seq, b"", model="m")
    arrived: list[int] = []
    for step in range(2000):
        clock.now += 0.5
        taken = drain.take(4)
        for entry in taken:
            # In the first half of the run anything may happen to an entry.
            fate = chance.random() if step < 1000 and work[entry.seq][1] else 1.0
            if fate < 0.4:
                drain.hold(entry)
            elif fate < 0.6:
                drain.restart()
                break
            else:
                drain.settle([entry])
                arrived.append(entry.seq)
        if len(outbox) == 0:
            break
    assert sorted(set(arrived)) == list(range(len(work)))
