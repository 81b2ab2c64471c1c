"""The controller's clock and belt, estimated from round trips."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gates.controller.clock import Clock, signed

START_NS = 5_000_000_000_000


def fed(
    clock: Clock, rng: random.Random, offset_us: int, rounds: int = 100, first: int = 0, drift: float = 0.0
) -> int:
    """Round trips ten times a second, 1 to 30 ms long, unevenly; returns the time of the last."""
    now_ns = START_NS
    for number in range(first, first + rounds):
        sent_ns = START_NS + number * 100_000_000
        there_ns = sent_ns + rng.randint(500_000, 15_000_000)
        now_ns = there_ns + rng.randint(500_000, 15_000_000)
        time_us = round(there_ns * (1 + drift) / 1000) + offset_us
        clock.add(sent_ns, now_ns, time_us & 0xFFFFFFFF, number * 50)
    return now_ns


@given(st.integers(0, 2**32), st.integers(0, 1000), st.sampled_from([0.0, 5e-5, -5e-5]))
def test_the_offset_is_right_to_half_of_the_best_round_trip(offset_us: int, seed: int, drift: float) -> None:
    clock = Clock()
    now_ns = fed(clock, random.Random(seed), offset_us, drift=drift)
    time_us = (round(now_ns * (1 + drift) / 1000) + offset_us) & 0xFFFFFFFF
    error_ns = abs(clock.host_ns(time_us) - now_ns)
    assert error_ns <= clock.delay_ns / 2 + 6.4e9 * 1e-4


def test_the_clock_may_wrap_while_it_is_watched() -> None:
    clock = Clock()
    offset_us = (2**32 - 3_000_000) - START_NS // 1000  # wraps after three seconds
    now_ns = fed(clock, random.Random(1), offset_us)
    assert clock.host_ns((now_ns // 1000 + offset_us) & 0xFFFFFFFF) == pytest.approx(now_ns, abs=5_000_000)


def test_a_clock_that_was_set_is_noticed_at_the_next_round_trip() -> None:
    clock = Clock()
    rng = random.Random(2)
    fed(clock, rng, 1000)
    now_ns = fed(clock, rng, 1000 - 50_000, rounds=1, first=100)  # it stood still for 50 ms
    assert clock.samples == 1
    assert clock.host_ns((now_ns // 1000 + 1000 - 50_000) & 0xFFFFFFFF) == pytest.approx(now_ns, abs=16_000_000)


def test_the_belts_speed_and_place_are_known_after_a_while() -> None:
    clock = Clock()
    assert clock.ticks_per_s == 0
    now_ns = fed(clock, random.Random(3), 0)
    assert clock.ticks_per_s == pytest.approx(500, rel=0.05)
    assert clock.tick_at(now_ns + 1_000_000_000) == pytest.approx(99 * 50 + 500, abs=40)


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_differences_of_wrapping_counts_keep_their_sign(start: int, step: int) -> None:
    assert signed((start + step) % 2**32 - start) == step
