"""The histogram of slack."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.gates.slack import EDGES_MS, SlackHistogram


def test_an_empty_histogram_says_nothing() -> None:
    snapshot = SlackHistogram().snapshot()
    assert (snapshot.total, snapshot.late, snapshot.min_ms, snapshot.at_least_ms(0.99)) == (0, 0, 0.0, 0)


@given(st.lists(st.floats(-1000, 20_000), min_size=1), st.floats(0.01, 1.0))
def test_quantiles_are_lower_bounds_from_the_right_bucket(slacks: list[float], share: float) -> None:
    histogram = SlackHistogram()
    for slack in slacks:
        histogram.add(slack)
    snapshot = histogram.snapshot()
    assert snapshot.total == len(slacks)
    assert snapshot.late == sum(slack < 0 for slack in slacks)
    assert snapshot.min_ms == min(slacks)
    stated = snapshot.at_least_ms(share)
    assert stated in EDGES_MS
    on_time = sum(slack >= stated for slack in slacks)
    assert on_time >= share * len(slacks) - 1e-6 or stated == 0
