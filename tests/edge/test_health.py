"""Latency histogram and vitals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.health import LatencyHistogram, difference, quantile, resident_bytes, temperature_c

_LATENCIES = st.lists(st.integers(0, 10**8), min_size=1, max_size=200)


@given(_LATENCIES, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_right_or_at_most_an_eighth_too_high(latencies: list[int], share: float) -> None:
    histogram = LatencyHistogram()
    for latency in latencies:
        histogram.add(latency)
    true = int(np.quantile(latencies, share, method="inverted_cdf"))
    assert true <= quantile(histogram.counts(), share) <= true * 1.125


@given(_LATENCIES, _LATENCIES)
def test_the_difference_of_two_copies_is_the_time_between_them(before: list[int], after: list[int]) -> None:
    both, alone = LatencyHistogram(), LatencyHistogram()
    for latency in before:
        both.add(latency)
    copy = both.counts()
    for latency in after:
        both.add(latency)
        alone.add(latency)
    assert difference(both.counts(), copy) == alone.counts()


def test_nothing_added_has_no_latency() -> None:
    assert quantile(LatencyHistogram().counts(), 0.99) == 0


def test_latencies_beyond_the_last_bucket_are_counted_in_it() -> None:
    histogram = LatencyHistogram()
    histogram.add(10**12)
    assert sum(histogram.counts()) == 1
    assert histogram.max_us == 10**12


def test_temperature_is_read_in_degrees_where_there_is_a_sensor(tmp_path: Path) -> None:
    sensor = tmp_path / "temp"
    assert temperature_c(sensor) is None
    sensor.write_text("48312\n")
    assert temperature_c(sensor) == 48.312
    sensor.write_text("garbage")
    assert temperature_c(sensor) is None


def test_resident_memory_grows_with_what_is_held() -> None:
    before = resident_bytes()
    held = np.ones(40 << 20, np.uint8)
    assert resident_bytes() - before > 30 << 20
    assert held.sum() == 40 << 20
