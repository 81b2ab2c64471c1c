"""Evidently's default rules (0.7) on raw columns, with its values and its verdicts.

Which test a column gets depends on the rows of the reference and on the number of distinct values in both samples:

    =============  ============================  =========================================
    reference      numeric, more than 5 values   other
    =============  ============================  =========================================
    ≤ 1,000 rows   Kolmogorov–Smirnov, p ≤ 0.05  3 or more values: chi-squared, p < 0.05;
                                                 else Z of two proportions, p < 0.05
    > 1,000 rows   Wasserstein / σ ≥ 0.1         Jensen–Shannon distance ≥ 0.1
    =============  ============================  =========================================

Source: ``_get_default_stattest`` and the tests it names, in Evidently's ``calculations/stattests``. Its chi-squared
takes the reference's shares for the truth, see :func:`edge.drift.univariate.statistics.chi_squared_one_sample`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from edge.drift.univariate.samples import counts_of, finite, is_missing, ks_2samp
from edge.drift.univariate.statistics import chi_squared_one_sample, jensen_shannon, two_proportions
from edge.drift.univariate.wasserstein import wasserstein
from edge.errors import ConfigError

SMALL_REFERENCE = 1000
FEW_VALUES = 5
P_VALUE = 0.05
DISTANCE = 0.1
SHARE = 0.5
"""A data set drifts when this share of its columns does."""
MIN_SIGMA = 0.001


@dataclass(frozen=True, slots=True)
class EvidentlyColumn:
    test: Literal["ks", "chisquare", "z", "wasserstein", "jensenshannon"]
    value: float
    """The p-value of the first three, the distance of the others."""
    threshold: float
    drifted: bool


RawValues = ArrayLike | Sequence[object]


def evidently_column(reference: RawValues, current: RawValues) -> EvidentlyColumn:
    """The verdict on one column; text is categorical. Missing and infinite values are dropped first, as there.

    Raises ConfigError for a column without values, where Evidently raises ValueError.
    """
    numeric = is_numeric(reference) and is_numeric(current)
    first = _kept(reference, numeric)
    second = _kept(current, numeric)
    if not first or not second:
        raise ConfigError("evidently: expected a column with values on both sides")
    distinct = len(set(first) | set(second))
    small = len(first) <= SMALL_REFERENCE
    if numeric and distinct > FEW_VALUES:
        return _numbers(first, second, small)
    return _categories(first, second, small, distinct)


def evidently_share(columns: Mapping[str, EvidentlyColumn]) -> float:
    """The share of drifted columns; the data set drifts when it is SHARE or more."""
    return sum(column.drifted for column in columns.values()) / len(columns) if columns else 0.0


def is_numeric(values: object) -> bool:
    """Numbers, among which booleans do not count."""
    return np.asarray(values).dtype.kind in "iuf"


def _numbers(first: Sequence[object], second: Sequence[object], small: bool) -> EvidentlyColumn:
    x, y = np.array(first, np.float64), np.array(second, np.float64)
    if small:
        p_value = ks_2samp(x, y).p_value
        return EvidentlyColumn("ks", p_value, P_VALUE, p_value <= P_VALUE)
    distance = wasserstein(x, y) / max(float(x.std()), MIN_SIGMA)
    return EvidentlyColumn("wasserstein", distance, DISTANCE, distance >= DISTANCE)


def _categories(first: Sequence[object], second: Sequence[object], small: bool, distinct: int) -> EvidentlyColumn:
    _, ours, theirs = counts_of(first, second)
    if not small:
        distance = jensen_shannon(ours, theirs)
        return EvidentlyColumn("jensenshannon", distance, DISTANCE, distance >= DISTANCE)
    if distinct > 2:
        norm = len(second) / len(first)
        p_value = chi_squared_one_sample([count * norm for count in ours], theirs).p_value
        return EvidentlyColumn("chisquare", p_value, P_VALUE, p_value < P_VALUE)
    p_value = two_proportions(ours, theirs).p_value if distinct == 2 else 1.0
    return EvidentlyColumn("z", p_value, P_VALUE, p_value < P_VALUE)


def _kept(values: RawValues, numeric: bool) -> list[object]:
    if numeric:
        return list(finite(np.asarray(values, np.float64)).tolist())
    return [value for value in np.asarray(values, object).tolist() if not is_missing(value)]
