"""The latency histogram: how exact it is, and what can be added and subtracted."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.histogram import BUCKETS, bucket_of, lower_edge
from edge.device.health import Distribution, LatencyHistogram

LATENCIES = st.lists(st.integers(0, 10**8), min_size=1, max_size=200)
QUANTILES = (0.01, 0.5, 0.9, 0.99, 0.999, 1.0)


def distribution(latencies: list[int]) -> Distribution:
    histogram = LatencyHistogram()
    for latency in latencies:
        histogram.add(latency)
    return histogram.copy()


def same(a: Distribution, b: Distribution) -> bool:
    return (a.counts == b.counts).all() and a.sum_us == b.sum_us


@given(LATENCIES, st.sampled_from(QUANTILES))
def test_a_quantile_is_right_or_at_most_one_in_32_too_high(latencies: list[int], share: float) -> None:
    true = int(np.quantile(latencies, share, method="inverted_cdf"))
    assert true <= distribution(latencies).quantile(share) <= true * (1 + 1 / 32)


@given(LATENCIES)
def test_sum_count_and_maximum_are_exact(latencies: list[int]) -> None:
    found = distribution(latencies)
    assert (found.sum_us, found.count, found.max_us) == (sum(latencies), len(latencies), max(latencies))
    assert found.quantile(1.0) == max(latencies)


@given(LATENCIES, LATENCIES)
def test_two_distributions_add_up_to_that_of_all(a: list[int], b: list[int]) -> None:
    both = distribution(a) + distribution(b)
    assert same(both, distribution(a + b))
    assert both.max_us == max(a + b)


@given(LATENCIES, LATENCIES)
def test_the_difference_of_two_copies_is_the_time_between_them(before: list[int], after: list[int]) -> None:
    between = distribution(before + after) - distribution(before)
    assert same(between, distribution(after))
    assert max(after) <= between.max_us <= max(after) * (1 + 1 / 32)


@given(LATENCIES)
def test_the_sparse_form_holds_everything(latencies: list[int]) -> None:
    found = distribution(latencies)
    assert same(Distribution.from_sparse(found.sparse(), found.sum_us, found.max_us), found)
    assert len(found.sparse()) <= 2 * len(latencies)


@given(st.integers(0, BUCKETS - 2))
def test_a_bucket_begins_at_its_edge_and_ends_before_the_next(index: int) -> None:
    first, after = lower_edge(index), lower_edge(index + 1)
    assert bucket_of(first) == bucket_of(after - 1) == index
    assert bucket_of(after) == index + 1
    assert after - first <= max(1, first / 32)


@given(LATENCIES, st.integers(0, BUCKETS - 1))
def test_what_is_below_an_edge_is_counted_exactly(latencies: list[int], index: int) -> None:
    edge = lower_edge(index)
    assert distribution(latencies).below(edge) == sum(latency < edge for latency in latencies)


def test_nothing_added_has_no_latency() -> None:
    empty = LatencyHistogram().copy()
    assert (empty.quantile(0.99), empty.count, empty.sparse()) == (0, 0, ())
    assert (empty - empty).max_us == 0


def test_latencies_beyond_the_last_bucket_are_counted_in_it() -> None:
    found = distribution([10**12, 5])
    assert found.sparse() == (5, 1, BUCKETS - 1, 1)
    assert found.quantile(0.99) == found.max_us == 10**12
    assert (found - distribution([5])).max_us == 10**12


def test_a_clock_that_ran_backwards_counts_as_nothing() -> None:
    assert distribution([-1, -(10**6)]).sparse() == (0, 2)


@pytest.mark.parametrize("buckets", [(1,), (-1, 2), (3, -1), (BUCKETS, 1), (5, 1, 5, 1), (6, 1, 5, 1)])
def test_buckets_that_no_histogram_has_are_refused(buckets: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Distribution.from_sparse(buckets, 0, 0)


def test_copies_taken_while_another_thread_adds_only_grow_and_none_is_torn() -> None:
    histogram, done = LatencyHistogram(), threading.Event()

    def add() -> None:
        for latency in range(100_000):
            histogram.add(latency % 5000)
        done.set()

    before, interval = sys.getswitchinterval(), 1e-5
    sys.setswitchinterval(interval)
    writer = threading.Thread(target=add)
    try:
        writer.start()
        last = histogram.copy()
        while not done.is_set():
            now = histogram.copy()
            assert (now.counts >= last.counts).all()
            last = now
    finally:
        sys.setswitchinterval(before)
        writer.join()
    assert histogram.copy().count == 100_000
