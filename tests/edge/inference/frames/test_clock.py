"""Time stamps of streams: jitter on the way is taken off, clocks that lie are not believed, time never goes back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.inference.frames.clock import SensorClock, StreamClock

MS = 1_000_000
WALL = 10**18


def stream(delays_ms: list[float], interval_ms: float = 40, pace: float = 1.0) -> Iterator[tuple[float, int, int]]:
    """True age when seen (ms), PTS and arrival (ns) of frames that take so long on their way."""
    arrival = 0.0
    for number, delay in enumerate(delays_ms):
        taken = 1000 + number * interval_ms
        arrival = max(arrival, taken + delay)
        yield arrival - taken, round(number * interval_ms * pace * MS), round(arrival * MS)


def test_jitter_on_the_way_is_taken_off() -> None:
    clock, jitter = StreamClock(), np.random.default_rng(1).exponential(30, 500)
    errors = []
    for age, stamp, arrival in stream([5 + delay for delay in jitter]):
        captured, wall = clock.moment(stamp, arrival, WALL)
        assert WALL - wall == arrival - captured
        errors.append(abs(age - (arrival - captured) / MS - 5))
    assert np.median(jitter) > 15
    assert max(errors[100:]) < 3


@pytest.mark.parametrize("pace", [0.5, 0.9, 1.2, 2.0])
def test_stamps_that_run_at_another_pace_are_not_believed(pace: float) -> None:
    clock = StreamClock()
    seen = [(clock.moment(stamp, arrival, WALL)[0], arrival) for _, stamp, arrival in stream([5.0] * 1000, pace=pace)]
    assert all(arrival - captured <= 600 * MS for captured, arrival in seen)
    assert all(captured == arrival for captured, arrival in seen[150:])


def test_a_stream_whose_clock_is_set_anew_is_followed() -> None:
    clock = StreamClock()
    for _, stamp, arrival in stream([5.0] * 100):
        clock.moment(stamp, arrival, WALL)
    for age, stamp, arrival in list(stream([5.0 + number % 7 for number in range(400)]))[100:]:
        captured, _ = clock.moment(stamp - 3600_000 * MS, arrival, WALL)
        assert 0 <= arrival - captured <= age * MS


def test_without_stamps_the_time_of_arrival_counts() -> None:
    assert StreamClock().moment(None, 77, WALL) == (77, WALL)


@given(st.lists(st.tuples(st.integers(-(10**12), 10**13), st.integers(0, 3 * 10**9)), max_size=60))
def test_time_never_goes_back_and_is_never_in_the_future(steps: list[tuple[int, int]]) -> None:
    clock, arrival, before = StreamClock(), 0, 0
    for stamp, step in steps:
        arrival += step
        captured, wall = clock.moment(stamp, arrival, WALL)
        assert before <= captured <= arrival
        assert WALL - wall == arrival - captured
        before = captured


def test_a_sensor_clock_is_not_moved_by_a_step_of_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([(100 * MS, WALL), (140 * MS, WALL - 3600_000 * MS)])
    monkeypatch.setattr("edge.inference.frames.clock.now", lambda: next(moments))
    clock = SensorClock()
    assert clock.moment(80 * MS) == (80 * MS, WALL - 20 * MS)
    assert clock.moment(120 * MS) == (120 * MS, WALL - 3600_020 * MS)
