"""A fixed grid over one column: how many values lie in each of its cells, and where in them on the whole.

Cells are σ/32 wide within 16 σ of the reference's mean, and double in width with each cell beyond. Of a value two
small integers remain: its cell, and in which of 32 slices of the cell it lies. Counts and sums of slices per cell
bracket the Wasserstein distance to the reference (:mod:`edge.drift.univariate.wasserstein`), and they add up.
"""

from __future__ import annotations

import numpy as np

from edge.core.arrays import Floats, Integers

PER_SIGMA = 32
"""Cells per standard deviation."""
SLICES = 32
"""A cell's width is told to this part."""
CENTRE = 512
"""Even cells on each side of the mean."""
TAILS = 64
"""Doubling cells beyond them, on each side; the last one also holds whatever lies outside."""
SIZE = 2 * (CENTRE + TAILS)


def step(std: float, mean: float) -> float:
    """The width of an even cell; of a constant column what float32 tells apart near it.

    Divisions by powers of two only, so that it is the same number on every machine.
    """
    if std > 0:
        return std / PER_SIGMA
    return max(abs(mean), 2.0**-100) / 2.0**20


def edges() -> Floats:
    """The SIZE + 1 edges in steps from the mean; the outermost are finite."""
    even = np.arange(CENTRE + 1, dtype=np.float64)
    outer = CENTRE + 2.0 ** np.arange(1, TAILS + 1) - 1
    right = np.concatenate([even, outer])
    return np.concatenate([-right[:0:-1], right])


EDGES = edges()
_WIDTHS = np.diff(EDGES)


def places(steps: Floats) -> tuple[Integers, Integers]:
    """(cell, slice) of values that are given in steps from the mean, any shape, no NaN."""
    cells = np.floor(steps) + (CENTRE + TAILS)
    far = (steps < -CENTRE) | (steps >= CENTRE)
    if far.any():
        cells[far] = np.clip(EDGES.searchsorted(steps[far], "right") - 1, 0, SIZE - 1)
    index = cells.astype(np.int64)
    slices = (steps - EDGES[index]) * (SLICES / _WIDTHS[index])
    return index, np.clip(slices, 0, SLICES - 1).astype(np.int64)
