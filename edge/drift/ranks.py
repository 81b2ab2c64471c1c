"""Where a value lies among the sorted reference values: all that rank tests need to know of it.

Against ``n`` sorted reference values there are ``2n + 1`` cells: cell ``l + r`` holds what has ``l`` reference
values strictly below it and ``r`` not above it. Gaps between two different reference values are even cells; a value
that equals some of them falls on the middle of their run. No two places share a cell, so the counts per cell give
every rank statistic (Kolmogorov–Smirnov, Mann–Whitney) as exactly as the raw data, and they add up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Cells = Mapping[int, int]
"""Cell → count; cells without a value are left out."""


def cell(reference: Sequence[float], value: float) -> int:
    """The cell of one finite value, 0 to 2n; O(log n)."""
    left = bisect_left(reference, value)
    if left == len(reference) or reference[left] != value:
        return 2 * left
    return left + bisect_right(reference, value, left)


def largest_gap(reference: Sequence[float], cells: Cells) -> tuple[int, int]:
    """(h, m): the largest |F_reference - F_sample| is h / (n·m) exactly, m being the size of the sample.

    Both distribution functions change at sample values and at reference values only, and between two reference
    values just the sample's does, monotonically: so the supremum lies just before or at a reference value.
    """
    values = np.asarray(reference)
    n = len(values)
    left = np.searchsorted(values, values, "left")
    right = np.searchsorted(values, values, "right")
    upto = np.cumsum(_dense(n, cells))
    m = int(upto[-1])
    before = np.abs(left * m - upto[left + right - 1] * n)
    at = np.abs(right * m - upto[left + right] * n)
    return int(max(before.max(), at.max())), m


def shift(reference: Sequence[float], cells: Cells) -> float:
    """P(sample > reference) - P(sample < reference), from -1 (all lower) to 1 (all higher).

    N. Cliff's dominance statistic d, Psychological Bulletin 114(3), 1993. 0 for an empty sample.
    """
    n, m = len(reference), sum(cells.values())
    # A value in cell l + r exceeds l reference values and is below n - r of them.
    return sum((place - n) * count for place, count in cells.items()) / (n * m) if m else 0.0


def _dense(n: int, cells: Cells) -> NDArray[np.int64]:
    counts = np.zeros(2 * n + 1, dtype=np.int64)
    counts[list(cells.keys())] = list(cells.values())
    return counts
