"""The Wasserstein-1 distance: of raw samples, and bracketed from a rank histogram and a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.core.arrays import Floats
from edge.drift.univariate import grid
from edge.drift.univariate.ranks import FloatValues, RankCounts

_ROUNDING = 1e-13
"""A bracket is widened by this part of the largest value: float64 sums of some thousand terms stay below."""


class Bracket(NamedTuple):
    """The distance lies in it, whatever the sample was."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2.0


def wasserstein(first: ArrayLike, second: ArrayLike) -> float:
    """W1 = ∫|F - G| dx of two samples, in their unit; NaN when either is empty.

    L. Vaserstein, Problems of Information Transmission 5(3), 1969; in one dimension the area between the distribution
    functions: S. Vallender, Theory of Probability and its Applications 18(4), 1974.
    """
    x, y = (np.sort(np.asarray(sample, np.float64)) for sample in (first, second))
    if not x.size or not y.size:
        return float("nan")
    points = np.sort(np.concatenate([x, y]))
    below = [sample.searchsorted(points[:-1], "right") / sample.size for sample in (x, y)]
    return float(np.dot(np.abs(below[0] - below[1]), np.diff(points)))


def bracket(
    reference: FloatValues, cells: RankCounts, counts: RankCounts, sums: RankCounts, mean: float, step: float
) -> Bracket:
    """Bounds of W1 between ``reference`` (n sorted values) and a sample, in the unit of the values.

    Of the sample are known ``cells`` (2n + 1,), its rank histogram, and ``counts`` and ``sums`` of slices
    (grid.SIZE,). On a cell of the grid the integral of its distribution function G is known to one slice, and G
    itself at the cell's edges and at every reference value in it. Where F - G keeps its sign over the cell, the area
    between them is the difference of the integrals; elsewhere what G can be between its known values bounds it. An
    empty sample gives (0, 0); one with values beyond the grid's last edge has no upper bound.
    """
    m = int(cells.sum())
    if not m:
        return Bracket(0.0, 0.0)
    places = (np.asarray(reference, np.float64) - mean) / step
    pieces = _pieces(places, cells, counts)
    low, high = _areas(pieces, counts, sums, m)
    used = grid.EDGES[np.flatnonzero(counts)[[0, -1]] + [0, 1]]
    slack = _ROUNDING * (abs(mean) + step * float(np.abs([*used, *places[[0, -1]]]).max()))
    far = counts[0] or counts[-1]
    return Bracket(max(0.0, low * step - slack), float("inf") if far else high * step + slack)


class _Pieces(NamedTuple):
    """Between two neighbours among the edges and the reference values."""

    cell: NDArray[np.int64]
    """Which cell of the grid it is in."""
    length: Floats
    f: Floats
    """F, constant there."""
    least: Floats
    most: Floats
    """Bounds of G, in samples."""


def _pieces(places: Floats, cells: RankCounts, counts: RankCounts) -> _Pieces:
    n = len(places)
    used = np.flatnonzero(counts)
    ends = np.clip(grid.EDGES.searchsorted(places[[0, -1]], "right") - 1, 0, grid.SIZE - 1)
    first, last = int(min(used[0], ends[0])), int(max(used[-1], ends[1]))
    edges = grid.EDGES[first : last + 2]
    points = np.unique(np.concatenate([edges, places]))
    upto, below = np.cumsum(cells), np.concatenate([[0], np.cumsum(counts)])
    left, right = places.searchsorted(points, "left"), places.searchsorted(points, "right")
    # At a reference value the ranks say G before and at it; at an edge the grid says G before it.
    before = upto[np.maximum(left + right - 1, 0)] * (left + right > 0)
    at = upto[left + right]
    is_value = left < right
    cell = np.clip(edges.searchsorted(points, "right") - 1, 0, len(edges) - 2) + first
    is_edge = edges[np.clip(edges.searchsorted(points, "left"), 0, len(edges) - 1)] == points
    edge_below = below[np.where(points >= edges[-1], last + 1, cell)]
    least = np.where(is_value, at, np.where(is_edge, edge_below, 0))
    most = np.where(is_value & ~is_edge, before, np.where(is_edge, edge_below, 0))
    return _Pieces(cell[:-1], np.diff(points), right[:-1] / n, least[:-1].astype(float), most[1:].astype(float))


def _areas(pieces: _Pieces, counts: RankCounts, sums: RankCounts, m: int) -> tuple[float, float]:
    """Sums over the cells of the least and the largest area that each allows, in steps."""
    first, size = int(pieces.cell[0]), int(pieces.cell[-1] - pieces.cell[0]) + 1
    where = pieces.cell - first

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(where, values, minlength=size), np.float64)

    f, least, most, length = pieces.f, pieces.least / m, pieces.most / m, pieces.length
    surely_above, surely_below = np.maximum(f - most, 0.0), np.maximum(least - f, 0.0)
    maybe_above, maybe_below = np.maximum(f - least, 0.0), np.maximum(most - f, 0.0)
    integral = total(length * f) - np.stack(_integrals(counts, sums, m, first, size))
    small, large = integral.min(axis=0), integral.max(axis=0)
    # |d| = d + 2 d⁻ = -d + 2 d⁺, and between what is sure and what may be.
    lows = (
        small + 2 * total(length * surely_below),
        -large + 2 * total(length * surely_above),
        total(length * (surely_above + surely_below)),
    )
    highs = (
        large + 2 * total(length * maybe_below),
        -small + 2 * total(length * maybe_above),
        total(length * np.maximum(maybe_above, maybe_below)),
    )
    return float(np.max(lows, axis=0).sum()), float(np.min(highs, axis=0).sum())


def _integrals(counts: RankCounts, sums: RankCounts, m: int, first: int, size: int) -> tuple[Floats, Floats]:
    """Bounds of ∫G over each cell."""
    cells = slice(first, first + size)
    width = np.diff(grid.EDGES)[cells]
    inside, slices = counts[cells], sums[cells]
    under = np.cumsum(counts)[cells] - inside
    # A value in slice s lies between s and s + 1 slices right of the cell's left edge.
    part = width / grid.SLICES
    largest = width * (under + inside) - slices * part
    return (largest - inside * part) / m, largest / m
