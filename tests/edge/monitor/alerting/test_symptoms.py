"""Hysteresis: what flickers is no alarm, and what pauses is not over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.monitor.alerting import Hysteresis, Symptom, SymptomKey

MATTER = SymptomKey("quiet", "", "d1")
SYMPTOM = Symptom("a", "b", 0)
S = 10**9


def held(hysteresis: Hysteresis, seen: bool, now_s: int) -> bool:
    return MATTER in hysteresis.settle({MATTER: SYMPTOM} if seen else {}, now_s * S)


def test_a_symptom_counts_once_it_has_lasted_and_until_it_was_away():
    hysteresis = Hysteresis(after_s=10, clear_s=5)
    assert [held(hysteresis, True, t) for t in (0, 5, 9, 10)] == [False, False, False, True]
    assert [held(hysteresis, False, t) for t in (12, 16, 17)] == [True, True, False]


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 8))
def test_it_never_changes_faster_than_it_may(seen: list[bool], after_s: int, clear_s: int):
    hysteresis = Hysteresis(after_s, clear_s)
    states = [held(hysteresis, now, t) for t, now in enumerate(seen)]
    for t, state in enumerate(states):
        before = states[t - 1] if t else False
        if state and not before:
            assert all(seen[max(0, t - after_s) : t + 1]) and t >= after_s
        if before and not state:
            assert not any(seen[t - clear_s : t + 1])
