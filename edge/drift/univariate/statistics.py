"""The tests by name, each by its published definition; p-values are those of scipy, without scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.drift.univariate import kolmogorov
from edge.drift.univariate.ranks import RankCounts, Ranks, largest_gap

EXACT_UP_TO = 10_000
"""Sizes up to which the two-sample Kolmogorov–Smirnov p-value counts every path (scipy's ``method='auto'``)."""

CountSequence = Sequence[int]


class TestResult(NamedTuple):
    statistic: float
    p_value: float


def kolmogorov_smirnov(reference: Ranks | Sequence[float], cells: RankCounts, *, exact: bool = True) -> TestResult:
    """Two-sample, two-sided Kolmogorov–Smirnov test of a rank histogram against its sorted reference values.

    The statistic D = sup |F_reference - F_sample| and p = P(D' ≥ D) when both come from one continuous
    distribution; with ties p is too large, never too small. An empty sample gives (0, 1).
    N. Smirnov, Bulletin of Moscow University 2(2), 1939; exact p: see :func:`ks_p_value`;
    not ``exact``: :func:`ks_limit`, which takes a hundredth of the time.
    """
    if not cells.any():
        return TestResult(0.0, 1.0)
    gap, m = largest_gap(reference, cells)
    n = len(cells) // 2
    h = gap // math.gcd(n, m)
    return TestResult(gap / (n * m), ks_p_value(h, n, m) if exact or not h else ks_limit(h, n, m))


@lru_cache(maxsize=4096)  # windows of one size meet the same few statistics again and again
def ks_p_value(h: int, n: int, m: int, exact: bool = False) -> float:
    """P(D ≥ h / lcm(n, m)) for samples of ``n`` and ``m`` from one continuous distribution.

    Exact up to EXACT_UP_TO by counting lattice paths (J. Hodges, "The Significance Probability of the Smirnov
    Two-Sample Test", Arkiv för Matematik 3(43), 1958), or always where it is asked for; else :func:`ks_limit`.
    """
    if h == 0:
        return 1.0
    if max(n, m) > EXACT_UP_TO and not exact:
        return ks_limit(h, n, m)
    return min(1.0, _paths_equal(h, n) if n == m else _paths_outside(h, min(n, m), max(n, m)))


def ks_limit(h: int, n: int, m: int) -> float:
    """P(D ≥ h / lcm(n, m)), nearly: the one-sample distribution at n·m/(n+m), as scipy's ``method='asymp'``."""
    return kolmogorov.survival(round(n * m / (n + m)), h / math.lcm(n, m))


def _paths_equal(h: int, n: int) -> float:
    """Share of the paths from (0, 0) to (n, n) with |x - y| ≥ h somewhere, by reflection.

    2 Σ_{k≥1} (-1)^(k-1) C(2n, n-kh) / C(2n, n): B. Gnedenko and V. Korolyuk, Doklady 80, 1951.
    """
    total, steps = 0.0, np.arange(h)
    for k in range(n // h - 1, -1, -1):
        ratio = float(np.prod((n - k * h - steps) / (n + k * h + steps + 1)))
        total = ratio * (1.0 - total)
    return 2.0 * total


def _paths_outside(h: int, n: int, m: int) -> float:
    """Share of the paths from (0, 0) to (n, m), n < m, with |i/n - j/m| ≥ h/lcm somewhere.

    A(i, j), the share of the paths to (i, j) that have been outside, is (i A(i-1, j) + j A(i, j-1)) / (i + j)
    inside and 1 outside. One row of it at a time, and only the columns inside.
    """
    step_i, step_j = m // math.gcd(n, m), n // math.gcd(n, m)
    low, high = 0, min(m + 1, -(-h // step_j))
    row = np.zeros(high - low)
    for i in range(1, n + 1):
        last_low, last_high = low, high
        low = max(0, (i * step_i - h) // step_j + 1)
        high = min(m + 1, -(-(i * step_i + h) // step_j))
        if low >= min(high, last_high):
            return 1.0
        above = np.concatenate((row[low - last_low :], np.ones(high - last_high)))
        row = _next_row(above, i, low)
    return float(row[-1])


def _next_row(above: NDArray[np.float64], i: int, low: int) -> NDArray[np.float64]:
    """A(i, low...) from A(i-1, low...).

    In units of C(i+j, i), the number of all paths to (i, j), the recurrence is a running sum. These units grow
    fast along the row, so it goes in blocks within which they stay below e^600.
    """
    row = np.empty_like(above)
    left = 1.0  # weighs nothing in column 0
    block = max(1, int(600 / math.log1p(i / max(1, low))))
    for start in range(0, len(above), block):
        part = above[start : start + block]
        j = np.arange(low + start, low + start + len(part), dtype=np.float64)
        growth = (i + j) / np.maximum(j, 1.0)
        growth[0] = 1.0
        growth = np.cumprod(growth)
        share = i / (i + j)
        first = left * (1.0 - share[0])
        sums = np.cumsum(part * share * growth) + first
        row[start : start + len(part)] = sums / growth
        left = float(row[start + len(part) - 1])
    return row


def chi_squared(reference: CountSequence, sample: CountSequence) -> TestResult:
    """Pearson's chi-squared test of homogeneity on a 2×k contingency table, without continuity correction.

    It takes the noise of both samples into account, unlike the one-sample test against the reference's shares.
    Categories seen in neither sample do not count. K. Pearson, Biometrika 8, 1911.
    """
    table = np.array([reference, sample], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return TestResult(0.0, 1.0)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return TestResult(statistic, chi_squared_p_value(statistic, table.shape[1] - 1))


def chi_squared_one_sample(expected: Sequence[float], sample: CountSequence) -> TestResult:
    """Pearson's chi-squared test of fit to expected counts, which it takes for the truth.

    Against counts of a reference it ignores that the reference is a sample, too, and alarms far too often. It is here
    because Evidently uses it. A category expected never and seen gives (∞, 0). K. Pearson, Phil. Mag. 50, 1900.
    """
    hoped, seen = np.asarray(expected, np.float64), np.asarray(sample, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(hoped == seen, 0.0, (seen - hoped) ** 2 / hoped)
    statistic = float(terms.sum())
    return TestResult(statistic, chi_squared_p_value(statistic, len(seen) - 1) if len(seen) > 1 else 1.0)


def chi_squared_p_value(statistic: float, freedom: int) -> float:
    """P(χ² ≥ statistic), the regularized upper incomplete gamma function Q(freedom/2, statistic/2).

    For whole and half arguments it is a finite sum: M. Abramowitz and I. Stegun, Handbook of Mathematical
    Functions, 1964, 26.4.4 and 26.4.5.
    """
    x = statistic / 2.0
    if x == 0.0 or x == math.inf:
        return 1.0 if x == 0.0 else 0.0
    half = 0.5 * (freedom % 2)
    powers = (k + half for k in range(freedom // 2))
    terms = [math.exp(a * math.log(x) - x - math.lgamma(a + 1.0)) for a in powers]
    return min(1.0, math.fsum([math.erfc(math.sqrt(x)) if half else 0.0, *terms]))


def two_proportions(reference: CountSequence, sample: CountSequence) -> TestResult:
    """Two-sided Z test of two proportions with the pooled estimate; counts are (failures, successes).

    Z > 0: more successes than in the reference. J. Fleiss, Statistical Methods for Rates and Proportions, 1981, 2.1.
    """
    n, m = sum(reference), sum(sample)
    pooled = (reference[1] + sample[1]) / (n + m) if n and m else 0.0
    if not 0.0 < pooled < 1.0:
        return TestResult(0.0, 1.0)
    error = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    z = (sample[1] / m - reference[1] / n) / error
    return TestResult(z, math.erfc(abs(z) / math.sqrt(2.0)))


def jensen_shannon(reference: CountSequence, sample: CountSequence) -> float:
    """Jensen–Shannon distance of the shares: the square root of the divergence in nats, from 0 to √ln 2.

    J. Lin, IEEE Transactions on Information Theory 37(1), 1991; the root is a metric: D. Endres and
    J. Schindelin, ibid. 49(7), 2003. 0 when either sample is empty.
    """
    if not sum(reference) or not sum(sample):
        return 0.0
    p, q = (np.array(counts, dtype=np.float64) / sum(counts) for counts in (reference, sample))
    middle = (p + q) / 2.0
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2.0
    return math.sqrt(max(0.0, divergence))


def kullback_leibler(reference: CountSequence, sample: CountSequence, floor: float = 1e-4) -> float:
    """Σ p log(p/q) in nats, p being the sample's shares: S. Kullback and R. Leibler, Ann. Math. Statist. 22(1), 1951.

    Shares of nothing count as ``floor``, without which one unseen category would make it infinite.
    """
    p, q = _floored(sample, floor), _floored(reference, floor)
    return float(np.sum(p * np.log(p / q)))


def psi(reference: CountSequence, sample: CountSequence, floor: float = 1e-4) -> float:
    """Population stability index Σ (p - q) log(p/q): E. Lewis, An Introduction to Credit Scoring, 1994.

    The sum of both Kullback–Leibler divergences; 0.1 and 0.25 are the customary limits. Shares of nothing count as
    ``floor``.
    """
    p, q = _floored(sample, floor), _floored(reference, floor)
    return float(np.sum((p - q) * np.log(p / q)))


def _floored(counts: CountSequence, floor: float) -> NDArray[np.float64]:
    shares = np.asarray(counts, np.float64) / max(1, sum(counts))
    return np.where(shares == 0, floor, shares)


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    seen = p > 0
    return float(np.sum(p[seen] * np.log(p[seen] / q[seen])))
