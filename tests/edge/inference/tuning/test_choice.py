"""The best of several measured set-ups."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.inference.interpreter import Delegate, Setup
from edge.inference.tuning import SetupTiming, choose
from edge.inference.tuning.choice import SLOWER

ONE, TWO, FOUR = (Setup("litert", threads) for threads in (1, 2, 4))


def test_the_fastest_wins() -> None:
    choice = choose([SetupTiming(ONE, 9.0, 10.0), SetupTiming(TWO, 5.0, 6.0), SetupTiming(FOUR, 6.0, 7.0)])
    assert choice.setup == TWO
    assert choice.why == "p50 5.000 ms, p99 6.000 ms, the fastest of 3 measured"


def test_fewer_threads_win_within_three_percent() -> None:
    choice = choose([SetupTiming(FOUR, 5.0, 6.0), SetupTiming(TWO, 5.14, 6.0), SetupTiming(ONE, 5.16, 6.0)])
    assert choice.setup == TWO
    assert "fewer threads and only 2.8 % slower than litert, 4 threads" in choice.why


def test_a_steadier_one_wins_if_it_is_hardly_slower() -> None:
    jumpy, steady = SetupTiming(FOUR, 5.0, 20.0), SetupTiming(TWO, 5.4, 7.0)
    assert choose([jumpy, steady]).setup == TWO
    assert "steadier than litert, 4 threads, with XNNPACK: p50 5.000 ms, p99 20.000 ms" in choose([jumpy, steady]).why
    assert choose([jumpy, SetupTiming(TWO, 5.6, 7.0)]).setup == FOUR


def test_on_equal_terms_the_usual_set_up_wins() -> None:
    rows = [
        SetupTiming(Setup("litert", 1, True, Delegate("a.so")), 5.0, 6.0),
        SetupTiming(Setup("litert", 1, False), 5.0, 5.9),
        SetupTiming(ONE, 5.1, 6.0),
    ]
    assert choose(rows).setup == ONE


rows = st.builds(
    lambda threads, p50, tail: SetupTiming(Setup("litert", threads), p50, p50 * tail),
    st.integers(1, 8),
    st.floats(0.1, 100),
    st.floats(1, 10),
)


@given(st.lists(rows, min_size=1))
def test_the_choice_is_one_of_them_and_never_much_slower_than_the_fastest(measured: list[SetupTiming]) -> None:
    setup = choose(measured).setup
    chosen = min(row.p50_ms for row in measured if row.setup == setup)
    assert chosen <= SLOWER * min(row.p50_ms for row in measured)
