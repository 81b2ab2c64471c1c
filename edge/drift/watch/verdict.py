"""From the statistics of a window to a verdict: has it drifted, where, and how strongly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from edge.core.structs import plain
from edge.drift.pane import Pane
from edge.drift.univariate.ranks import RankCounts, Ranks, shift
from edge.drift.univariate.statistics import chi_squared, jensen_shannon, kolmogorov_smirnov, two_proportions

EVIDENTLY_P = 0.05
EVIDENTLY_SHARE = 0.5
"""Evidently's rules for references of up to 1,000 rows: a column drifts at p ≤ 0.05, a data set at half of them."""

NEAR = 0.9
"""Effects of this share of the largest count as equally large."""

PREDICTED = "predicted"
"""Name of the column that compares the shares of the predicted classes."""


DriftKind = Literal["data", "target"]


class _Column(Protocol):
    @property
    def drifted(self) -> bool: ...
    @property
    def effect(self) -> float: ...
    @property
    def p_value(self) -> float: ...


C = TypeVar("C", bound=_Column)


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    name: str
    test: Literal["ks", "chi2", "z"]
    statistic: float
    """D of Kolmogorov–Smirnov, χ², or Z."""
    p_value: float
    effect: float
    """Size of the difference, whatever the sample size: D, or the Jensen–Shannon distance of class shares."""
    shift: float | None
    """P(window > reference) - P(window < reference), from -1 (all lower) to 1 (all higher); None for classes."""
    threshold: float
    """Drift needs a p-value up to this one."""
    drifted: bool


@dataclass(frozen=True, slots=True)
class WindowVerdict:
    """``columns`` begins with the strongest: see :func:`strongest_first`."""

    columns: tuple[ColumnVerdict, ...]
    drifted: bool
    """Any column drifted."""
    kind: DriftKind | None
    """Kind of the strongest column, where any drifted: a feature of the pictures, or what the model makes of them.
    Drift of the relation between both needs audited labels: :class:`edge.drift.ConceptWatch`."""
    share: float
    """Share of the columns that drifted."""
    evidently_share: float
    """Share of the columns with p ≤ 0.05, each by itself."""
    evidently_drifted: bool
    """Evidently's rule for a data set: ``evidently_share`` ≥ 0.5."""
    n: int
    alpha: float
    min_effect: float
    expectations: dict[str, int]
    """Counts over the window: those of edge.drift.pane.MARKS, and missing, below, above (values, all columns)."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        fields: dict[str, Any] = plain(self)
        return fields


def judge(pane: Pane, *, alpha: float = 0.05, min_effect: float = 0.1, exact: bool = True) -> WindowVerdict:
    """Tests every column of ``pane`` against its reference, and the shares of the predicted classes.

    A column drifts when p ≤ alpha / columns (Bonferroni: a window of independent samples of an undisturbed line is
    called drifted with a probability of at most ``alpha``, all columns together) and its effect is at least
    ``min_effect`` (in big windows, differences too small to matter are significant too). Not ``exact``: p-values of
    numeric columns are those of the limit for large samples, which is quicker where many windows are drawn.
    """
    threshold = alpha / (len(pane.reference.columns) + 1)
    columns = [
        _judge_column(column.name, ranks, pane.ranks(place), threshold, min_effect, exact)
        for place, (column, ranks) in enumerate(zip(pane.reference.columns, pane.reference.layout.ranks, strict=True))
    ]
    columns.append(_judge_classes(pane, threshold, min_effect))
    columns = target_first(strongest_first(columns), pane)
    drifted = sum(column.drifted for column in columns)
    evidently_share = sum(column.p_value <= EVIDENTLY_P for column in columns) / len(columns)
    return WindowVerdict(
        columns=tuple(columns),
        drifted=drifted > 0,
        kind=kind_of(columns[0].name, pane.reference.features) if drifted else None,
        share=drifted / len(columns),
        evidently_share=evidently_share,
        evidently_drifted=evidently_share >= EVIDENTLY_SHARE,
        n=pane.n,
        alpha=alpha,
        min_effect=min_effect,
        expectations=_expectations(pane),
    )


def strongest_first(columns: Sequence[C]) -> list[C]:
    """Drifted columns before others, by p-value, then by effect.

    Those whose effect comes near the largest of all come first, in the order they are given in: when the light
    changes completely, so do contrast, noise and each colour, and which of them has the smallest p-value is chance.
    The plain features are given before those that follow from them.
    """
    largest = max((column.effect for column in columns if column.drifted), default=0.0)

    def key(place: int) -> tuple[bool, bool, float, float]:
        column = columns[place]
        near = column.drifted and column.effect >= NEAR * largest
        return (not column.drifted, not near, place if near else column.p_value, -column.effect)

    return [columns[place] for place in sorted(range(len(columns)), key=key)]


def target_first(columns: list[ColumnVerdict], pane: Pane) -> list[ColumnVerdict]:
    """Scores and classes before features, where more or fewer parts of each class are all there is to it.

    While each class looks as it did (label shift: Z. Lipton, Y. Wang, A. Smola, ICML 2018), no feature's
    distribution moves further than the shares of the classes do, in total variation. One that does, by more than a
    standard error, is data drift.
    """
    features = pane.reference.features
    furthest = max((c.effect for c in columns if c.drifted and kind_of(c.name, features) == "data"), default=0.0)
    furthest -= math.sqrt(furthest * (1 - furthest) / max(1, pane.n))
    expected, seen = (np.array(one) / max(1, sum(one)) for one in (pane.reference.classes, pane.classes))
    if not any(c.drifted and c.name == PREDICTED for c in columns) or abs(expected - seen).sum() / 2 < furthest:
        return columns
    return sorted(columns, key=lambda c: not (c.drifted and kind_of(c.name, features) == "target"))


def _judge_column(
    name: str, ranks: Ranks, cells: RankCounts, threshold: float, min_effect: float, exact: bool
) -> ColumnVerdict:
    d, p_value = kolmogorov_smirnov(ranks, cells, exact=exact)
    return ColumnVerdict(
        name=name,
        test="ks",
        statistic=d,
        p_value=p_value,
        effect=d,
        shift=shift(cells),
        threshold=threshold,
        drifted=p_value <= threshold and d >= min_effect,
    )


def _judge_classes(pane: Pane, threshold: float, min_effect: float) -> ColumnVerdict:
    expected, seen = pane.reference.classes, pane.classes
    two = len(expected) == 2
    statistic, p_value = two_proportions(expected, seen) if two else chi_squared(expected, seen)
    effect = jensen_shannon(expected, seen)
    return ColumnVerdict(
        name=PREDICTED,
        test="z" if two else "chi2",
        statistic=statistic,
        p_value=p_value,
        effect=effect,
        shift=None,
        threshold=threshold,
        drifted=p_value <= threshold and effect >= min_effect,
    )


def kind_of(name: str, features: Sequence[str]) -> DriftKind:
    """Kind of a column, class or mark: what is seen, or what the model makes of it. Outlying pictures are data."""
    return "data" if name in features or name == "outlying" else "target"


def _expectations(pane: Pane) -> dict[str, int]:
    below, above = pane.outside
    return pane.marks | {
        "missing": int(pane.missing.sum()),
        "below": int(below.sum()),
        "above": int(above.sum()),
    }
