"""One device against its siblings: which of forty cameras on the same model sees something else.

Each device's statistics are compared with those of all the others together, column by column. How far a healthy
device is from the rest depends on the line and on how much successive parts resemble each other, and nobody knows it
beforehand; but the siblings show it. So the logarithm of each distance is set against the median and the median
absolute deviation of its siblings' (F. Hampel, JASA 69, 1974), the scale never below that of Kolmogorov's
distribution, which independent samples would have. Its upper tail is lighter than a normal one's in the logarithm,
so the p-values err on the careful side. Over all devices and columns the share of false findings is held by the
procedure of Y. Benjamini and Y. Hochberg (JRSS B 57, 1995), valid for positively related tests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.drift.pane import Pane
from edge.drift.statistics import jensen_shannon
from edge.drift.verdict import PREDICTED
from edge.monitor.merging import by_device
from edge.monitor.panes import Panes
from edge.monitor.reading import Sibling, Span

Floats = NDArray[np.float64]

FEWEST = 5
"""Siblings; of fewer, nobody can say which one is odd."""
MIN_EFFECT = 0.1
"""As in :func:`edge.drift.judge`: smaller differences do not matter however certain they are."""
SCALE = 0.29
"""Standard deviation of the logarithm of Kolmogorov's statistic."""
_LEAST = 1e-6


def siblings(panes: Panes, devices: Sequence[str], span: Span, false_share: float) -> list[Sibling]:
    """The oddest first; of several models each among its own. Raises StateError."""
    found: list[Sibling] = []
    for group in by_device(panes, devices, span).values():
        if len(group) >= FEWEST:
            found += compare(group, false_share)
    return sorted(found, key=lambda one: (not one.odd, one.p_value, -one.score))


def compare(group: dict[str, Pane], false_share: float = 0.05) -> list[Sibling]:
    """Of at least FEWEST panes of one model and reference, by device."""
    names, columns = list(group), _columns(next(iter(group.values())))
    distances = _distances(list(group.values()))
    scores = _scores(distances)
    p_values = np.vectorize(lambda t: t_survival(t, len(group) - 1), otypes=[np.float64])(scores)
    odd = benjamini_hochberg(p_values, false_share) & (distances >= MIN_EFFECT)
    return [
        Sibling(name, column, float(distances[i, j]), float(scores[i, j]), float(p_values[i, j]), bool(odd[i, j]))
        for i, name in enumerate(names)
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


def _columns(pane: Pane) -> list[str]:
    return [*(column.name for column in pane.reference.columns), PREDICTED]


def _distances(panes: Sequence[Pane]) -> Floats:
    """(devices, columns): of each to the sum of the others.

    D is taken at the reference's values: it is at most the larger share in any one gap below that of the raw data.
    """
    starts = panes[0].reference.layout.starts
    ranks = np.stack([pane.arrays()["ranks"] for pane in panes])
    found = [_furthest(ranks[:, a:b]) for a, b in itertools.pairwise(starts.tolist())]
    classes = np.array([pane.classes for pane in panes])
    rest = classes.sum(axis=0) - classes
    shares = [_classes_apart(own, others) for own, others in zip(classes, rest, strict=True)]
    return np.column_stack([*found, np.array(shares)])


def _furthest(cells: NDArray[np.int64]) -> Floats:
    own = np.cumsum(cells, axis=1)
    rest = own.sum(axis=0) - own
    shares = [side / np.maximum(side[:, -1:], 1) for side in (own, rest)]
    known = (own[:, -1] > 0) & (rest[:, -1] > 0)
    return np.where(known, np.abs(shares[0] - shares[1]).max(axis=1), 0.0)


def _classes_apart(own: NDArray[np.int64], rest: NDArray[np.int64]) -> float:
    return jensen_shannon(own.tolist(), rest.tolist()) if own.sum() and rest.sum() else 0.0


def _scores(distances: Floats) -> Floats:
    logs = np.log(np.maximum(distances, _LEAST))
    middle = np.median(logs, axis=0)
    scale = 1.4826 * np.median(np.abs(logs - middle), axis=0)
    return np.asarray((logs - middle) / np.maximum(scale, SCALE))
