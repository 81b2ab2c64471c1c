"""What counting against a reference needs of it, laid out once as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.drift import grid
from edge.drift.ranks import Floats, Ranks

Rows = NDArray[np.float64]


class Layout:
    """Of ``columns`` numeric columns, each given by sorted values, mean, standard deviation and range."""

    def __init__(self, values: Sequence[Sequence[float]], moments: ArrayLike, limits: ArrayLike) -> None:
        self.ranks = tuple(Ranks(one) for one in values)
        sizes = [2 * len(one) + 1 for one in values]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        """Where in the flat rank histogram each column begins, and its end."""
        self.means, deviations = np.asarray(moments, np.float64).reshape(-1, 2).T
        self.steps = np.array([grid.step(s, m) for s, m in zip(deviations, self.means, strict=True)])
        self.lows, self.highs = np.asarray(limits, np.float64).reshape(-1, 2).T

    @property
    def columns(self) -> int:
        return len(self.ranks)

    def rank_counts(self, rows: Rows, good: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The flat rank histogram of rows (n, columns), those that are ``good``."""
        keys = np.empty(rows.shape[::-1], np.int64)
        for column, ranks in enumerate(self.ranks):
            keys[column] = ranks.cells(rows[:, column])
        keys += self.starts[:-1, None]
        chosen = keys.ravel() if good.all() else keys[good.T]
        return np.bincount(chosen, minlength=int(self.starts[-1])).astype(np.int64)

    def grid_counts(self, rows: Rows, good: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Counts and sums of slices on the grids, (columns, grid.SIZE) each."""
        cells, slices = grid.places((rows - self.means) / self.steps)
        cells += np.arange(self.columns) * grid.SIZE
        chosen = (cells[good], slices[good])
        shape, size = (self.columns, grid.SIZE), self.columns * grid.SIZE
        counts = np.bincount(chosen[0], minlength=size).reshape(shape)
        sums = np.bincount(chosen[0], chosen[1], minlength=size).reshape(shape)
        return counts.astype(np.int64), sums.astype(np.int64)


def as_float32(values: ArrayLike) -> Floats:
    """Rounded to float32 and held as float64; too large becomes infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float64).astype(np.float32).astype(np.float64)
