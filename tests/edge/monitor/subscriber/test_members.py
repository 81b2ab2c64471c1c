"""Who of a share is there, in both kinds of database."""

import pytest

from edge.monitor import Store
from edge.monitor.subscriber import members
from edge.monitor.subscriber.members import Members


def test_each_gets_a_name_of_its_own_and_the_next_takes_one_that_was_left(store: Store) -> None:
    first, second = (Members(store.engine, "fleet").join() for _ in range(2))
    assert first != second
    Members(store.engine, "fleet").leave(first)
    assert Members(store.engine, "other").join() not in (first, second)
    assert Members(store.engine, "fleet").join() == first


def test_who_left_is_silent_at_once_and_is_forgotten_once(store: Store) -> None:
    one, other = Members(store.engine, "fleet"), Members(store.engine, "fleet")
    name, left = one.join(), other.join()
    assert one.silent(name) == []
    other.leave(left)
    assert one.silent(name) == [left]
    one.forget(left)
    assert one.silent(name) == []


def test_who_does_not_beat_falls_silent_and_who_beats_again_is_not_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Members(store.engine, "fleet"), Members(store.engine, "fleet")
    name, second = one.join(), other.join()
    monkeypatch.setattr(members, "SILENCE_S", 0.0)
    one.silent(name)
    assert one.silent(name) == [second]
    other.beat(second)
    one.forget(second)  # what it saw last is no longer true
    assert one.silent(name) == [second]


def test_a_heartbeat_counts_not_a_clock(store: Store) -> None:
    one, other = Members(store.engine, "fleet"), Members(store.engine, "fleet")
    name, second = one.join(), other.join()
    for _ in range(3):
        assert one.silent(name) == []
        other.beat(second)
