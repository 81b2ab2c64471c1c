"""One device against its siblings: which of forty cameras on the same model sees something else.

Each device's statistics are compared with those of all the others together, column by column, by two scores of
ranks: are its values higher or lower (Mann and Whitney), and are they further apart (Ansari and Bradley); of the
predicted classes, by each one's share. How far a healthy device is from the rest depends on the line, and on how much
successive parts resemble each other, and nobody knows it beforehand; but the siblings show it. So each score is set
against the median and the median absolute deviation of its siblings' (F. Hampel, JASA 69, 1974), the deviation never
below that of independent samples. It is an estimate from few devices, as good as one from 37 % as many would be by
the usual one: hence Student's distribution with so many degrees of freedom. Over all devices and columns the share of
false findings is held by the procedure of Y. Benjamini and Y. Hochberg (JRSS B 57, 1995), valid for positively
related tests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edge.core.arrays import Floats
from edge.drift.pane import Pane
from edge.drift.univariate.statistics import jensen_shannon
from edge.drift.watch.verdict import PREDICTED
from edge.monitor.queries.merging import by_device
from edge.monitor.queries.panes import Panes
from edge.monitor.queries.reading import Peer, StatisticsSpan

FEWEST = 5
"""Siblings; of fewer, nobody can say which one is odd."""
MIN_EFFECT = 0.1
"""Smallest effect, the same as in :func:`edge.drift.judge`: smaller differences do not matter however certain they
are."""
EFFICIENCY = 0.37
"""Efficiency of the median absolute deviation, against the standard deviation of normal values."""
_NORMAL = NormalDist()
_PROBIT = math.sqrt(math.pi / 2)
""":func:`_probit` stretches small effects so much."""


def siblings(panes: Panes, devices: Sequence[str], span: StatisticsSpan, false_share: float) -> list[Peer]:
    """The oddest first; of several models each among its own. Raises StateError."""
    found: list[Peer] = []
    for group in by_device(panes, devices, span).values():
        if len(group) >= FEWEST:
            found += compare(group, false_share)
    return sorted(found, key=lambda one: (not one.odd, one.p_value, -one.score))


def compare(group: dict[str, Pane], false_share: float = 0.05) -> list[Peer]:
    """Compares at least FEWEST panes of one model and reference, by device."""
    columns = list(_columns(list(group.values())))
    distances = np.column_stack([column.distances for column in columns])
    scores = np.column_stack([column.score() for column in columns])
    tests = np.array([len(column.scores) for column in columns])
    freedom = max(1, round(EFFICIENCY * (len(group) - 1)))
    tails = np.vectorize(lambda z: 2 * t_survival(z, freedom), otypes=[np.float64])(scores)
    p_values = np.minimum(1.0, tails * tests)  # Bonferroni: the largest score of a column counts
    odd = benjamini_hochberg(p_values, false_share) & (distances >= MIN_EFFECT)
    return [
        Peer(name, column.name, float(distances[i, j]), float(scores[i, j]), float(p_values[i, j]), bool(odd[i, j]))
        for i, name in enumerate(group)
        for j, column in enumerate(columns)
    ]


def benjamini_hochberg(p_values: Floats, false_share: float) -> NDArray[np.bool_]:
    """Which of the tests are findings, in the shape that they come in."""
    ordered = np.sort(p_values, axis=None)
    good = ordered <= false_share * np.arange(1, ordered.size + 1) / ordered.size
    limit = ordered[np.flatnonzero(good)[-1]] if good.any() else -1.0
    return p_values <= limit


def t_survival(t: float, freedom: int) -> float:
    """P(T > t) of Student's distribution: M. Abramowitz and I. Stegun, 26.7.3 and 26.7.4. To about 1e-15."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine2, odd = math.cos(angle) ** 2, freedom % 2 == 1
    term = math.cos(angle) if odd else 1.0
    total, first = 0.0, 2 if odd else 1
    for k in range(first, freedom - 1 + first - 1, 2) if odd else range(1, freedom, 2):
        total += term
        term *= cosine2 * k / (k + 1)
    sine = math.sin(angle)
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return min(1.0, max(0.0, (1.0 - inside) / 2))


@dataclass(frozen=True, slots=True)
class _Column:
    """Comparison of one column, each array by device: the distance to the others, and scores that are normal when all
    is well, with the standard deviations that independent samples would give them.
    """

    name: str
    distances: Floats
    scores: tuple[tuple[Floats, Floats], ...]

    def score(self) -> Floats:
        """The largest, in robust standard deviations from the siblings' median."""
        return np.asarray(np.max([_robust(values, least) for values, least in self.scores], axis=0))


def _robust(values: Floats, least: Floats) -> Floats:
    away = np.abs(values - np.median(values))
    return np.asarray(away / np.maximum(1.4826 * np.median(away), least))


def _columns(panes: Sequence[Pane]) -> Iterator[_Column]:
    reference = panes[0].reference
    starts = reference.layout.starts.tolist()
    ranks = np.stack([pane.arrays()["ranks"] for pane in panes])
    for column, (a, b) in zip(reference.columns, itertools.pairwise(starts), strict=True):
        yield _numeric(column.name, ranks[:, a:b])
    yield _classes(np.array([pane.classes for pane in panes], np.int64))


def _numeric(name: str, cells: NDArray[np.int64]) -> _Column:
    """D is taken at the reference's values: it is at most the larger share in any one gap below the raw data's."""
    rest = cells.sum(axis=0) - cells
    own, others = _shares(cells), _shares(rest)
    up_to = np.cumsum(others, axis=1)
    place = 2 * up_to - others - 1  # from -1, below all of the others, to 1
    n = np.maximum(cells.sum(axis=1), 1)
    known = (cells.sum(axis=1) > 0) & (rest.sum(axis=1) > 0)
    distances = np.abs(np.cumsum(own, axis=1) - up_to).max(axis=1)
    level = _probit((own * place).sum(axis=1), n)
    width = _probit(2 * (own * np.abs(place)).sum(axis=1) - 1, n)
    # The variance of a mean of ranks is that of a uniform distribution, 1/3; the probit stretches it.
    least = _PROBIT * np.sqrt(1 / 3 / n)
    return _Column(
        name, np.where(known, distances, 0.0), ((_where(known, level), least), (_where(known, width), least))
    )


def _classes(counts: NDArray[np.int64]) -> _Column:
    rest = counts.sum(axis=0) - counts
    n = np.maximum(counts.sum(axis=1), 1)
    known = (counts.sum(axis=1) > 0) & (rest.sum(axis=1) > 0)
    pairs = zip(counts.tolist(), rest.tolist(), known, strict=True)
    distances = np.array([jensen_shannon(own, others) if good else 0.0 for own, others, good in pairs])
    angles = 2 * np.arcsin(np.sqrt(_shares(counts)))  # of variance 1/n whatever the share
    return _Column(PREDICTED, distances, tuple((_where(known, angle), 1 / np.sqrt(n)) for angle in angles.T))


def _shares(counts: NDArray[np.int64]) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _probit(effect: Floats, n: NDArray[np.int64]) -> Floats:
    """From -1 … 1 to a scale without ends, on which a difference twice as large is twice as far."""
    inside = np.clip(effect, -1 + 1 / n, 1 - 1 / n)
    return np.array([_NORMAL.inv_cdf((1 + value) / 2) for value in inside.tolist()])


def _where(known: NDArray[np.bool_], values: Floats) -> Floats:
    """A device without values is no different from the rest for it."""
    return np.where(known, values, np.median(values[known]) if known.any() else 0.0)
