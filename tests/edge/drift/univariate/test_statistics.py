from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from edge.drift.layout import as_float32
from edge.drift.univariate.kolmogorov import survival
from edge.drift.univariate.ranks import RankCounts, Ranks, shift
from edge.drift.univariate.statistics import (
    chi_squared,
    chi_squared_p_value,
    jensen_shannon,
    kolmogorov_smirnov,
    ks_p_value,
    two_proportions,
)

few = st.sampled_from([-1.0, 0.0, 0.1, 0.1 + 1e-9, 1 / 3, 255.0])
many = st.floats(-1e6, 1e6, width=64)
values = st.lists(few, min_size=1, max_size=60) | st.lists(many, min_size=1, max_size=60)
counts = st.lists(st.integers(0, 400), min_size=2, max_size=12)


def agree(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-12)


def ranks(reference: list[float], sample: list[float]) -> tuple[tuple[float, ...], RankCounts]:
    ordered = tuple(sorted(reference))
    return ordered, Ranks(ordered).histogram(np.array(sample))


def scipys_ks(first: list[float], second: list[float]) -> tuple[float, float]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = stats.ks_2samp(first, second, method="auto")
    if not caught:
        return theirs.statistic, theirs.pvalue
    # Equal sizes: scipy's count rounded to just above 1, and it took the limit instead. Count in fractions.
    n, h = len(first), round(theirs.statistic * len(first))
    assert len(second) == n
    signed = ((-1) ** (k - 1) * math.comb(2 * n, n - k * h) for k in range(1, n // h + 1))
    return theirs.statistic, float(Fraction(2 * sum(signed), math.comb(2 * n, n)))


@given(values, values)
@example([1.0] * 7, [1.0] * 6 + [2.0])
@example([5.0], [5.0])
@example([1.0] * 30, [1.0] * 30)
@example([1.0], [2.0] * 40)
@example([1.0, 1.0, 2.0, 2.0], [1.5, 1.0, 2.0, 3.0])
def test_kolmogorov_smirnov_from_ranks_equals_that_of_the_raw_data(first: list[float], second: list[float]) -> None:
    reference, sample = as_float32(first).tolist(), as_float32(second).tolist()

    ours = kolmogorov_smirnov(*ranks(reference, sample))

    statistic, p_value = scipys_ks(reference, sample)
    assert agree(ours.statistic, statistic)
    assert agree(ours.p_value, p_value)


@given(st.integers(1, 1200), st.integers(1, 1200), st.sampled_from([0, 0.02, 0.1, 0.5, 3]), st.integers(0, 2**32))
@settings(max_examples=60)
def test_kolmogorov_smirnov_equals_scipy_on_windows_of_all_sizes(n: int, m: int, moved: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = rng.normal(0, 1, n).round(2).tolist()
    sample = rng.normal(moved, 1, m).round(2).tolist()

    ours = kolmogorov_smirnov(*ranks(reference, sample))

    statistic, p_value = scipys_ks(reference, sample)
    assert agree(ours.statistic, statistic)
    # Also the smallest have their digits, down to where doubles become subnormal.
    assert math.isclose(ours.p_value, p_value, rel_tol=1e-12, abs_tol=1e-290)


@pytest.mark.parametrize(("n", "m"), [(1000, 10_000), (1000, 10_001), (3, 10_001), (150, 30_000), (997, 20_000)])
@pytest.mark.parametrize("z", [0.3, 0.6, 0.9, 1.3, 1.6, 2.5])
def test_large_samples_take_the_same_limit_as_scipy(n: int, m: int, z: float) -> None:
    lcm = math.lcm(n, m)
    h = min(lcm - 1, round(z * math.sqrt((n + m) / (n * m)) * lcm))
    reference = np.arange(n) / n
    # A sample whose distribution function is the reference's, moved by h.
    sample = np.linspace(h / lcm, 1 + h / lcm, m, endpoint=False)

    theirs = stats.ks_2samp(reference, sample, method="auto")
    h = round(theirs.statistic * lcm)

    assert agree(ks_p_value(h, n, m), theirs.pvalue)


@given(st.integers(1, 5000), st.floats(0, 1) | st.floats(0, 0.1))
@settings(max_examples=200)
@example(100_000, 0.001)
@example(140, 0.1)
@example(141, 0.5)
@example(2, 0.25)
def test_the_one_sample_distribution_equals_scipy(n: int, d: float) -> None:
    assert agree(survival(n, d), float(stats.kstwo.sf(d, n)))


def test_an_empty_sample_proves_nothing() -> None:
    assert kolmogorov_smirnov((1.0, 2.0), np.zeros(5, np.int64)) == (0.0, 1.0)
    assert chi_squared((5, 5), (0, 0)) == (0.0, 1.0)
    assert two_proportions((5, 5), (0, 0)) == (0.0, 1.0)
    assert jensen_shannon((5, 5), (0, 0)) == 0.0


@given(values, values)
def test_shift_is_the_share_of_higher_pairs_less_the_share_of_lower_ones(
    reference: list[float], sample: list[float]
) -> None:
    pairs = np.sign(np.subtract.outer(sample, reference))

    assert shift(ranks(reference, sample)[1]) == pytest.approx(pairs.mean(), abs=1e-12)


@given(counts, counts)
@example([3, 0, 7], [4, 0, 6])
@example([10, 0], [20, 0])
def test_chi_squared_equals_scipys_contingency_test(first: list[int], second: list[int]) -> None:
    size = min(len(first), len(second))
    first, second = first[:size], second[:size]
    table = np.array([first, second])
    table = table[:, table.sum(axis=0) > 0]
    assume(table.size and table.sum(axis=1).all())

    ours = chi_squared(first, second)

    theirs = stats.chi2_contingency(table, correction=False)
    assert agree(ours.statistic, theirs.statistic)
    assert agree(ours.p_value, theirs.pvalue)


@given(st.floats(0, 2000), st.integers(1, 1000))
@example(1e-300, 1)
def test_the_chi_squared_tail_equals_scipys(statistic: float, freedom: int) -> None:
    assert agree(chi_squared_p_value(statistic, freedom), float(stats.chi2.sf(statistic, freedom)))


@given(*[st.integers(0, 2000)] * 4)
def test_two_proportions_squared_is_chi_squared_of_two_by_two(a: int, b: int, c: int, d: int) -> None:
    assume(a + b and c + d and a + c and b + d)

    z, p_value = two_proportions((a, b), (c, d))

    theirs = stats.chi2_contingency([[a, b], [c, d]], correction=False)
    assert math.isclose(z * z, theirs.statistic, rel_tol=1e-9, abs_tol=1e-9)
    assert agree(p_value, theirs.pvalue)
    assert (z > 0) == (d * (a + b) > b * (c + d)) or z == 0


@given(counts, counts)
def test_jensen_shannon_equals_scipys_distance(first: list[int], second: list[int]) -> None:
    size = min(len(first), len(second))
    first, second = first[:size], second[:size]
    assume(sum(first) and sum(second))

    # Squared: near 0 the root turns a rounding error of 1e-16 into 1e-8, there as here.
    assert agree(jensen_shannon(first, second) ** 2, float(jensenshannon(first, second)) ** 2)
