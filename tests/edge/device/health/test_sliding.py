"""The ring of samples behind every sliding view."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge.device.health.sliding import SlidingCounts


class Sample(NamedTuple):
    at_s: float


@given(st.lists(st.floats(0.01, 20.0), min_size=1, max_size=300))
def test_a_view_reaches_back_as_far_as_asked_and_at_most_a_step_further(pauses: list[float]) -> None:
    history, now, times = SlidingCounts(Sample(0.0), span_s=60.0, step_s=5.0), 0.0, [0.0]
    for pause in pauses:
        now += pause
        times.append(now)
        history.add(Sample(now))
    for span in (10.0, 60.0):
        found = now - history.before(now, span).at_s
        old_enough = [now - t for t in times if t <= now - span]
        assert found >= span if old_enough else found == now
        if old_enough:
            assert found <= min(old_enough) + 5.0


@given(st.lists(st.floats(0.01, 7.0), max_size=500))
def test_it_never_holds_more_than_the_span_needs(pauses: list[float]) -> None:
    history, now = SlidingCounts(Sample(0.0), span_s=60.0, step_s=5.0), 0.0
    for pause in pauses:
        now += pause
        history.add(Sample(now))
        assert len(history._samples) <= 60 / 5 + 2
