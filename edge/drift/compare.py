"""Two tables, column by column: the tests by name, how large each difference is, and what Evidently would say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.core.structs import plain
from edge.drift.tables import ColumnArrays, as_table
from edge.drift.univariate.evidently import FEW_VALUES, SHARE, EvidentlyColumn, evidently_column, evidently_share
from edge.drift.univariate.ranks import Ranks, binned
from edge.drift.univariate.ranks import shift as dominance
from edge.drift.univariate.samples import counts_of, finite, ks_2samp
from edge.drift.univariate.statistics import TestResult, chi_squared, jensen_shannon, psi, two_proportions
from edge.drift.univariate.wasserstein import wasserstein
from edge.drift.watch.verdict import strongest_first
from edge.errors import ConfigError

BARS = 24
"""Bars of the distributions side by side."""
CATEGORIES = 20
"""Most categories that are shown; the rest are one."""


@dataclass(frozen=True, slots=True)
class HistogramPair:
    """Shares of both samples in the same bins or categories, for drawing."""

    edges: tuple[float, ...]
    """Edges of the bins; empty for categories."""
    names: tuple[str, ...]
    """Names of the categories; empty for bins."""
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ComparedColumn:
    name: str
    kind: Literal["numeric", "categorical"]
    test: Literal["ks", "chi2", "z"]
    statistic: float
    p_value: float
    effect: float
    """D of Kolmogorov–Smirnov; for categories the Jensen–Shannon distance."""
    shift: float | None
    """P(current > reference) - P(current < reference); None for categories."""
    wasserstein: float | None
    """Over the reference's standard deviation; None for categories and for a constant reference."""
    psi: float
    """Population stability index; of numbers over ten fixed bins of equal shares of the reference."""
    js_deciles: float
    """Jensen–Shannon distance over the same bins; of categories the distance itself."""
    threshold: float
    drifted: bool
    rows: tuple[int, int]
    """With a value, in the reference and now."""
    missing: tuple[int, int]
    unseen: tuple[str, ...]
    """Categories that the reference does not have."""
    evidently: EvidentlyColumn
    bars: HistogramPair

    def texts(self) -> tuple[str, str, str, str, str, str]:
        """Test, statistic, p, effect, W1 over σ and PSI, as people read them."""
        far = "–" if self.wasserstein is None else f"{self.wasserstein:.3f}"
        return (
            self.test,
            f"{self.statistic:.4g}",
            f"{self.p_value:.2g}",
            f"{self.effect:.3f}",
            far,
            f"{self.psi:.3f}",
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    columns: tuple[ComparedColumn, ...]
    """The strongest first: see :func:`edge.drift.watch.verdict.strongest_first`."""
    skipped: dict[str, str]
    """Columns that could not be compared, and why."""
    drifted: bool
    share: float
    evidently_share: float
    evidently_drifted: bool
    alpha: float
    min_effect: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        fields: dict[str, Any] = plain(self)
        return fields


def compare(
    reference: Mapping[str, ArrayLike],
    current: Mapping[str, ArrayLike],
    *,
    alpha: float = 0.05,
    min_effect: float = 0.1,
) -> Comparison:
    """Tests every column that both have: two-sample Kolmogorov–Smirnov, chi-squared, or Z for two categories.

    Numbers of at most five different values count as categories. A column drifts when p ≤ alpha / columns
    (Bonferroni) and its effect is at least ``min_effect``. Rows are taken for independent. Raises ConfigError when no
    column can be compared.
    """
    tables = as_table(reference), as_table(current)
    pairs, skipped = _pairs(*tables)
    if not pairs:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(skipped.items())[:3])
        raise ConfigError(f"drift: no column to compare; expected columns of the same names ({reasons})")
    threshold = alpha / len(pairs)
    columns = [_compare(name, *pair, threshold, min_effect) for name, pair in pairs.items()]
    columns = strongest_first(columns)
    drifted = sum(column.drifted for column in columns)
    share = evidently_share({column.name: column.evidently for column in columns})
    return Comparison(
        columns=tuple(columns),
        skipped=skipped,
        drifted=drifted > 0,
        share=drifted / len(columns),
        evidently_share=share,
        evidently_drifted=share >= SHARE,
        alpha=alpha,
        min_effect=min_effect,
    )


def _pairs(
    reference: ColumnArrays, current: ColumnArrays
) -> tuple[dict[str, tuple[NDArray[Any], NDArray[Any]]], dict[str, str]]:
    pairs, skipped = {}, {}
    for name in {**reference, **current}:
        if name not in reference or name not in current:
            skipped[name] = "only in the reference" if name in reference else "only in the current data"
            continue
        pair = reference[name], current[name]
        if any(one.dtype.kind != "f" for one in pair) or _few(*pair):
            pair = _as_text(pair[0]), _as_text(pair[1])
        if not all(_rows(one) for one in pair):
            skipped[name] = f"no values in the {'reference' if not _rows(pair[0]) else 'current data'}"
            continue
        pairs[name] = pair
    return pairs, skipped


def _few(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Numbers of so few values are codes, here as in Evidently's rules."""
    return len(np.unique(np.concatenate([finite(first), finite(second)]))) <= FEW_VALUES


def _as_text(column: NDArray[Any]) -> NDArray[Any]:
    """A column that is numeric on one side only is compared as categories."""
    if column.dtype.kind != "f":
        return column
    return np.array([None if value != value else f"{value:g}" for value in column.tolist()], object)


def _rows(column: NDArray[Any]) -> int:
    if column.dtype.kind == "f":
        return int(np.isfinite(column).sum())
    return sum(value is not None for value in column)


def _compare(
    name: str, first: NDArray[Any], second: NDArray[Any], threshold: float, min_effect: float
) -> ComparedColumn:
    numeric = first.dtype.kind == "f"
    facts = _numeric(first, second) if numeric else _categorical(first, second)
    rows = _rows(first), _rows(second)
    return ComparedColumn(
        name=name,
        kind="numeric" if numeric else "categorical",
        threshold=threshold,
        drifted=facts["p_value"] <= threshold and facts["effect"] >= min_effect,
        rows=rows,
        missing=(len(first) - rows[0], len(second) - rows[1]),
        evidently=evidently_column(first, second),
        **facts,
    )


def _numeric(first: NDArray[Any], second: NDArray[Any]) -> dict[str, Any]:
    x, y = np.sort(finite(first)), finite(second)
    outcome, deviation = ks_2samp(x, y), float(x.std())
    cells = Ranks(x).histogram(y)
    deciles = binned(x, cells)
    return {
        "test": "ks",
        "statistic": outcome.statistic,
        "p_value": outcome.p_value,
        "effect": outcome.statistic,
        "shift": dominance(cells),
        "wasserstein": wasserstein(x, y) / deviation if deviation > 0 else None,
        "psi": psi(*deciles),
        "js_deciles": jensen_shannon(*deciles),
        "unseen": (),
        "bars": _bins(x, y),
    }


def _categorical(first: NDArray[Any], second: NDArray[Any]) -> dict[str, Any]:
    keys, ours, theirs = counts_of(first.tolist(), second.tolist())
    test: Literal["z", "chi2"] = "z" if len(keys) == 2 else "chi2"
    outcome: TestResult = two_proportions(ours, theirs) if test == "z" else chi_squared(ours, theirs)
    distance = jensen_shannon(ours, theirs)
    return {
        "test": test,
        "statistic": outcome.statistic,
        "p_value": outcome.p_value,
        "effect": distance,
        "shift": None,
        "wasserstein": None,
        "psi": psi(ours, theirs),
        "js_deciles": distance,
        "unseen": tuple(str(key) for key, count in zip(keys, ours, strict=True) if not count),
        "bars": _categories(keys, ours, theirs),
    }


def _bins(x: NDArray[np.float64], y: NDArray[np.float64]) -> HistogramPair:
    """Over the middle 99 % of both; what lies outside is in the outermost bins."""
    both = np.concatenate([x, y])
    low, high = (float(value) for value in np.quantile(both, (0.005, 0.995)))
    edges = np.linspace(low, high, BARS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    shares = [np.histogram(np.clip(one, edges[0], edges[-1]), edges)[0] / len(one) for one in (x, y)]
    return HistogramPair(tuple(edges.tolist()), (), tuple(shares[0].tolist()), tuple(shares[1].tolist()))


def _categories(keys: list[object], ours: list[int], theirs: list[int]) -> HistogramPair:
    """The commonest, by both shares together."""
    shares = np.array([ours, theirs], np.float64) / np.array([[max(1, sum(ours))], [max(1, sum(theirs))]])
    order = np.argsort(-shares.sum(axis=0), kind="stable")
    kept, rest = order[:CATEGORIES], order[CATEGORIES:]
    names = [str(keys[place]) for place in kept]
    shown = shares[:, kept]
    if len(rest):
        names.append(f"{len(rest)} others")
        shown = np.concatenate([shown, shares[:, rest].sum(axis=1, keepdims=True)], axis=1)
    return HistogramPair((), tuple(names), tuple(shown[0].tolist()), tuple(shown[1].tolist()))
