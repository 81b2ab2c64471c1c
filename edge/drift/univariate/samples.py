"""Two-sample tests on raw arrays, where both samples are at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.drift.univariate.ranks import Ranks, largest_gap
from edge.drift.univariate.statistics import EXACT_UP_TO, TestResult, ks_limit, ks_p_value

Method = Literal["auto", "exact", "asymp"]


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The finite ones among numbers, flat."""
    array = np.asarray(values, np.float64).ravel()
    return np.asarray(array[np.isfinite(array)])


def ks_2samp(first: ArrayLike, second: ArrayLike, method: Method = "auto") -> TestResult:
    """Two-sample, two-sided Kolmogorov–Smirnov test; values that are not finite are left out.

    ``method`` as in scipy.stats.ks_2samp: ``auto`` counts all paths up to 10,000 values and takes the limit beyond,
    which ``asymp`` (alibi-detect's choice) always takes. An empty sample gives (0, 1).
    N. Smirnov, Bulletin of Moscow University 2(2), 1939.
    """
    x, y = np.sort(finite(first)), finite(second)
    n, m = len(x), len(y)
    if not n or not m:
        return TestResult(0.0, 1.0)
    h = largest_gap(x, Ranks(x).histogram(y))[0] // math.gcd(n, m)
    exact = method == "exact" or (method == "auto" and max(n, m) <= EXACT_UP_TO)
    return TestResult(h / math.lcm(n, m), ks_p_value(h, n, m, exact) if exact else ks_limit(h, n, m))


def counts_of(first: Sequence[object], second: Sequence[object]) -> tuple[list[object], list[int], list[int]]:
    """(categories, counts of each in the first, in the second); sorted as text where they are not all alike.

    None and NaN are no categories.
    """
    tallies: list[dict[object, int]] = [{}, {}]
    for tally, sample in zip(tallies, (first, second), strict=True):
        for value in sample:
            if not is_missing(value):
                tally[value] = tally.get(value, 0) + 1
    seen = {**tallies[0], **tallies[1]}
    try:
        keys = sorted(seen)  # type: ignore[type-var]
    except TypeError:
        keys = sorted(seen, key=str)
    return keys, [tallies[0].get(key, 0) for key in keys], [tallies[1].get(key, 0) for key in keys]


def is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
