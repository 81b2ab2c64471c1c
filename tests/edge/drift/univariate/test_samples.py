from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from edge.drift.univariate.ranks import Ranks, binned
from edge.drift.univariate.samples import counts_of, ks_2samp
from edge.drift.univariate.statistics import chi_squared_one_sample, kullback_leibler, psi

values = st.lists(st.sampled_from([0.0, 0.1, 1 / 3, 7.0]), min_size=1, max_size=60) | st.lists(
    st.floats(-1e6, 1e6), min_size=1, max_size=60
)
counts = st.lists(st.integers(0, 300), min_size=2, max_size=8)


def agree(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-12)


@given(values, values)
def test_the_limit_of_kolmogorov_smirnov_is_scipys(first: list[float], second: list[float]) -> None:
    assume(len(first) + len(second) > 2)  # there scipy has no limit (NaN)
    ours, theirs = ks_2samp(first, second, "asymp"), stats.ks_2samp(first, second, method="asymp")

    assert agree(ours.statistic, theirs.statistic)
    assert agree(ours.p_value, theirs.pvalue)


def test_the_exact_count_can_be_asked_for_beyond_ten_thousand() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 12_000), rng.normal(0.1, 1, 300)

    ours = [ks_2samp(first, second, method).p_value for method in ("auto", "exact", "asymp")]

    assert ours[0] == ours[2]
    assert agree(ours[1], stats.ks_2samp(first, second, method="exact").pvalue)


@pytest.mark.parametrize(("n", "m"), [(1000, 1000), (1001, 1000), (1000, 999), (10_000, 1000), (10_001, 1000)])
def test_kolmogorov_smirnov_is_scipys_where_its_formulas_change(n: int, m: int) -> None:
    rng = np.random.default_rng(n + m)
    for moved in (0.0, 0.05, 0.2):
        first, second = rng.normal(0, 1, n), rng.normal(moved, 1, m)
        ours, theirs = ks_2samp(first, second), stats.ks_2samp(first, second)
        assert agree(ours.statistic, theirs.statistic)
        assert agree(ours.p_value, theirs.pvalue)


def test_what_is_not_finite_is_left_out_and_nothing_proves_nothing() -> None:
    assert ks_2samp([1.0, math.nan, 2.0], [math.inf, 1.5]) == ks_2samp([1.0, 2.0], [1.5])
    assert ks_2samp([], [1.0]) == ks_2samp([1.0], [math.nan]) == (0.0, 1.0)
    assert ks_2samp([3.0] * 20, [3.0] * 30) == (0.0, 1.0)


@given(counts, st.integers(0, 2**32))
def test_the_one_sample_chi_squared_is_scipys(sample: list[int], seed: int) -> None:
    if not sum(sample):
        return
    shares = np.random.default_rng(seed).dirichlet(np.ones(len(sample)))
    expected = shares * sum(sample)

    ours, theirs = chi_squared_one_sample(expected.tolist(), sample), stats.chisquare(sample, expected)

    assert math.isclose(ours.statistic, theirs.statistic, rel_tol=1e-12, abs_tol=1e-12)
    assert agree(ours.p_value, theirs.pvalue)


def test_a_category_that_was_never_expected_settles_it() -> None:
    assert chi_squared_one_sample([5.0, 5.0, 0.0], [4, 5, 1]) == (math.inf, 0.0)
    assert chi_squared_one_sample([5.0], [5]) == (0.0, 1.0)


@given(counts, counts)
def test_psi_is_the_sum_of_both_divergences_which_are_scipys_entropies(first: list[int], second: list[int]) -> None:
    size = min(len(first), len(second))
    first, second = [one + 1 for one in first[:size]], [one + 1 for one in second[:size]]

    assert math.isclose(kullback_leibler(first, second), stats.entropy(second, first), rel_tol=1e-9, abs_tol=1e-12)
    both = kullback_leibler(first, second) + kullback_leibler(second, first)
    assert math.isclose(psi(first, second), both, rel_tol=1e-9, abs_tol=1e-12)


def test_psi_of_a_textbook_scorecard() -> None:
    # 0.2·ln 2 + 0.2·ln(3/2), shares .2/.4/.4 against .4/.2/.4 … by hand: (.4-.2)ln 2 + (.2-.4)ln .5 = .4 ln 2
    assert psi((20, 40, 40), (40, 20, 40)) == pytest.approx(0.4 * math.log(2))
    assert psi((50, 50, 0), (50, 40, 10)) == pytest.approx((0.1 - 1e-4) * math.log(1e3) + -0.1 * math.log(0.8))


@given(values, values, st.integers(1, 12))
def test_fixed_bins_follow_from_ranks_as_from_the_raw_values(
    reference: list[float], sample: list[float], bins: int
) -> None:
    ordered = np.sort(reference)

    ours, theirs = binned(ordered, Ranks(ordered).histogram(np.array(sample)), bins)

    edges = np.unique(ordered[np.arange(1, bins) * len(ordered) // bins])
    expected = [np.bincount(edges.searchsorted(one, "right"), minlength=len(edges) + 1) for one in (ordered, sample)]
    assert (ours, theirs) == (expected[0].tolist(), expected[1].tolist())


def test_categories_are_those_of_both_samples() -> None:
    keys, first, second = counts_of(["b", "a", None, "b"], ["c", math.nan, "a"])
    assert (keys, first, second) == (["a", "b", "c"], [1, 2, 0], [1, 0, 1])
    assert counts_of([1, "x"], ["x", 2.5])[0] == [1, 2.5, "x"]
