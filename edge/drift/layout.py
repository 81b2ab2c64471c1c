"""Reference laid out once as arrays, for counting against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.core.arrays import Floats
from edge.drift.univariate import grid
from edge.drift.univariate.ranks import RankCounts, Ranks

ValueRows = NDArray[np.float64]


class Layout:
    """Layout of ``columns`` numeric columns, each given by sorted values, mean, standard deviation and range."""

    def __init__(self, values: Sequence[Sequence[float]], moments: ArrayLike, limits: ArrayLike) -> None:
        self.ranks = tuple(Ranks(one) for one in values)
        sizes = [2 * len(one) + 1 for one in values]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        """Where in the flat rank histogram each column begins, and its end."""
        gap = np.concatenate([np.arange(size) % 2 == 0 for size in sizes] or [np.zeros(0, np.bool_)])
        self.gaps, self.ties = np.flatnonzero(gap), np.flatnonzero(~gap)
        """Places there of the cells between reference values, and of those on them: in measurements without ties
        the latter stay empty. By column there is one more of the former than of the latter, which are as many as
        its values."""
        self.sizes = np.array([len(one) for one in values], np.int64)
        self.means, deviations = np.asarray(moments, np.float64).reshape(-1, 2).T
        self.steps = np.array([grid.step(s, m) for s, m in zip(deviations, self.means, strict=True)])
        self._grids = np.arange(len(sizes)) * grid.SIZE
        self.lows, self.highs = np.asarray(limits, np.float64).reshape(-1, 2).T

    @property
    def columns(self) -> int:
        return len(self.ranks)

    def rank_cells(self, rows: ValueRows, good: NDArray[np.bool_]) -> RankCounts:
        """Places in the flat rank histogram of rows (n, columns), those that are ``good``; ascending."""
        # Sorted values are found three times as fast: the processor foresees the way of each search.
        ordered = np.sort(np.where(good, rows, np.inf).T, axis=1)
        found = [
            ranks.cells(values[:size]) + start
            for ranks, values, size, start in zip(self.ranks, ordered, good.sum(axis=0), self.starts, strict=False)
        ]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def grid_cells(self, rows: ValueRows, good: NDArray[np.bool_]) -> tuple[RankCounts, RankCounts]:
        """Places in the flat grids, and slices."""
        cells, slices = grid.places((rows - self.means) / self.steps)
        cells += self._grids
        return (cells.ravel(), slices.ravel()) if good.all() else (cells[good], slices[good])


def count(totals: RankCounts, places: RankCounts, weights: RankCounts | None = None) -> None:
    """Adds one, or ``weights``, to each of the flat ``totals`` at ``places``."""
    if len(places) * 20 < totals.size:
        np.add.at(totals, places, 1 if weights is None else weights)
    else:
        totals += np.bincount(places, weights, minlength=totals.size).astype(np.int64)


def as_float32(values: ArrayLike) -> Floats:
    """Rounded to float32 and held as float64; too large becomes infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float64).astype(np.float32).astype(np.float64)
