"""Where a value lies among the sorted reference values: all that rank tests need to know of it.

Against ``n`` sorted reference values there are ``2n + 1`` cells: cell ``l + r`` holds what has ``l`` reference
values strictly below it and ``r`` not above it. Gaps between two different reference values are even cells; a value
that equals some of them falls on the middle of their run. No two places share a cell, so the counts per cell give
every rank statistic (Kolmogorov–Smirnov, Mann–Whitney) as exactly as the raw data, and they add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core.arrays import Floats

RankCounts = NDArray[np.int64]
FloatValues = Sequence[float] | Floats


class Ranks:
    """Finds the cells of many values among the sorted ``values`` of one column."""

    __slots__ = ("_middle", "_padded", "left", "right", "values")

    def __init__(self, values: FloatValues) -> None:
        self.values = np.asarray(values, np.float64)
        self.left: RankCounts = self.values.searchsorted(self.values, "left")
        self.right: RankCounts = self.values.searchsorted(self.values, "right")
        """Values below each value, and those up to it."""
        # One more place, so that a value above all of them has a neighbour to differ from.
        self._padded = np.append(self.values, np.inf)
        self._middle = np.append(self.left + self.right, 0)

    def cells(self, sample: Floats) -> RankCounts:
        """The cell of each finite value, 0 to 2n; O(log n) each."""
        left = self.values.searchsorted(sample)
        return np.where(self._padded[left] == sample, self._middle[left], 2 * left)

    def histogram(self, sample: Floats) -> RankCounts:
        """Counts per cell, shape (2n + 1,)."""
        return np.bincount(self.cells(sample), minlength=2 * len(self.values) + 1).astype(np.int64)


def largest_gap(reference: Ranks | FloatValues, cells: RankCounts) -> tuple[int, int]:
    """(h, m): the largest |F_reference - F_sample| is h / (n·m) exactly, m being the size of the sample.

    Both distribution functions change at sample values and at reference values only, and between two reference
    values just the sample's does, monotonically: so the supremum lies just before or at a reference value.
    """
    ranks = reference if isinstance(reference, Ranks) else Ranks(reference)
    left, right, n = ranks.left, ranks.right, len(ranks.values)
    middle = left + right
    upto = np.cumsum(cells)
    m = int(upto[-1])
    before = np.abs(left * m - upto[middle - 1] * n)
    at = np.abs(right * m - upto[middle] * n)
    return int(max(before.max(), at.max())), m


def binned(reference: FloatValues, cells: RankCounts, bins: int = 10) -> tuple[list[int], list[int]]:
    """Counts of reference and sample in at most ``bins`` fixed bins of about equal shares of the reference.

    Bins begin at reference values, so they follow from the rank histogram and add up. Ties may leave fewer.
    """
    values, edges = np.asarray(reference), bin_edges(reference, bins)
    n = len(values)
    left, right = values.searchsorted(edges, "left"), values.searchsorted(edges, "right")
    upto = np.concatenate([[0], np.cumsum(cells)])
    ours = np.diff(np.concatenate([[0], left, [n]]))
    theirs = np.diff(np.concatenate([[0], upto[left + right], upto[-1:]]))
    return ours.tolist(), theirs.tolist()


def bin_edges(reference: FloatValues, bins: int = 10) -> Floats:
    """Where the bins of :func:`binned` begin, but for the first, which has no lower end; ascending."""
    values = np.asarray(reference, np.float64)
    edges: Floats = np.unique(values[np.arange(1, bins) * len(values) // bins])
    return edges


def shift(cells: RankCounts) -> float:
    """P(sample > reference) - P(sample < reference), from -1 (all lower) to 1 (all higher).

    N. Cliff's dominance statistic d, Psychological Bulletin 114(3), 1993. 0 for an empty sample.
    """
    n, m = len(cells) // 2, int(cells.sum())
    # A value in cell l + r exceeds l reference values and is below n - r of them.
    return float(np.dot(np.arange(-n, n + 1), cells) / (n * m)) if m else 0.0
