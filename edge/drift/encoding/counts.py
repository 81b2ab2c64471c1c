"""The counts of panes packed into a text, and those of many panes read back and added up at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.drift.encoding.coding import Unpacker, pack, unzigzag, zigzag
from edge.drift.layout import Layout
from edge.drift.univariate import grid
from edge.drift.univariate.ranks import RankCounts
from edge.errors import ConfigError


def pack_counts(arrays: dict[str, RankCounts], layout: Layout) -> bytes:
    """Per column the ranks, the grid from its first cell in use to its last, and what was out of order."""
    used = arrays["counts"] > 0
    first = np.where(used.any(axis=1), used.argmax(axis=1), 0)
    length = np.where(used.any(axis=1), grid.SIZE - used[:, ::-1].argmax(axis=1) - first, 0)
    inside = np.unravel_index(_cells(first, length), used.shape)
    counts = arrays["counts"][inside]
    centred = arrays["sums"][inside] - _middle(counts)
    rest = (arrays[name] for name in ("missing", "below", "above"))
    ranks = arrays["ranks"]
    return pack([ranks[layout.gaps], ranks[layout.ties], first, length, counts, zigzag(centred), *rest])


@dataclass(frozen=True, slots=True)
class PackedCounts:
    """Counts of so many panes against one reference, as they were packed."""

    layout: Layout
    gaps: RankCounts
    """(panes, cells of the rank histograms between reference values)."""
    ties: RankCounts
    """(panes, those on them)."""
    length: RankCounts
    """(panes · columns,): cells in use of each grid."""
    cells: RankCounts
    """(all of these,): places in the grids (panes · columns, grid.SIZE), flat."""
    counts: RankCounts
    sums: RankCounts
    missing: RankCounts
    """(panes, columns), as are the last two."""
    below: RankCounts
    above: RankCounts

    @classmethod
    def read(cls, texts: Sequence[bytes], layout: Layout) -> PackedCounts:
        """Raises ConfigError when one is malformed."""
        source, columns, panes = Unpacker(texts), layout.columns, len(texts)
        gaps, ties = (source.take(len(places)).reshape(panes, -1) for places in (layout.gaps, layout.ties))
        first, length = source.take(columns), source.take(columns)
        if (first + length).max(initial=0) > grid.SIZE:
            raise ConfigError("counts: a cell beyond the grid")
        each = length.reshape(panes, -1).sum(axis=1)
        counts, centred = source.take(each), unzigzag(source.take(each))
        rest = [source.take(columns).reshape(panes, -1) for _ in range(3)]
        source.end()
        return cls(layout, gaps, ties, length, _cells(first, length), counts, centred + _middle(counts), *rest)

    def check(self, n: RankCounts) -> None:
        """Those of each pane must add up to its ``n``. Raises ConfigError."""
        panes, columns = self.missing.shape
        # Larger numbers could add up to n beyond 64 bits.
        most = np.maximum(self.gaps.max(axis=1, initial=0), self.ties.max(axis=1, initial=0))
        if (most > n).any() or (self.counts > np.repeat(np.repeat(n, columns), self.length)).any():
            raise ConfigError("counts: more in one cell than there are samples")
        in_ranks = _sums(self.gaps, self.layout.sizes + 1)
        if self.ties.any():
            in_ranks += _sums(self.ties, self.layout.sizes)
        in_grid = _sums(self.counts[None], self.length).reshape(panes, columns)
        if (in_ranks + self.missing != n[:, None]).any() or (in_grid != in_ranks).any():
            raise ConfigError(f"counts: they do not add up to {', '.join(map(str, n.tolist()))} samples")
        if (self.sums < 0).any() or (self.sums > self.counts * (grid.SLICES - 1)).any():
            raise ConfigError("counts: sums of slices that no values have")
        if (self.below > in_ranks).any() or (self.above > in_ranks - self.below).any():
            raise ConfigError("counts: more values out of range than there are")

    def add_to(self, total: dict[str, RankCounts]) -> None:
        """Arrays by name, as one pane holds them."""
        total["ranks"][self.layout.gaps] += self.gaps.sum(axis=0)
        total["ranks"][self.layout.ties] += self.ties.sum(axis=0)
        cells = self.cells % max(1, total["counts"].size)
        for name in ("counts", "sums"):
            # Not by np.bincount, whose weights are floating point: these must be exact.
            np.add.at(total[name].reshape(-1), cells, getattr(self, name))
        for name in ("missing", "below", "above"):
            total[name] += getattr(self, name).sum(axis=0)


def _sums(values: RankCounts, sizes: RankCounts) -> RankCounts:
    """Sums of so many successive values of each row."""
    upto = np.zeros((len(values), values.shape[1] + 1), np.int64)
    np.cumsum(values, axis=1, out=upto[:, 1:])
    ends = np.cumsum(sizes)
    return np.asarray(upto[:, ends] - upto[:, ends - sizes])


def _cells(first: RankCounts, length: RankCounts) -> RankCounts:
    """Places of the cells in use, in the flat grids: of each row so many from its first on."""
    begins = np.arange(len(first)) * grid.SIZE + first - (np.cumsum(length) - length)
    return np.asarray(np.repeat(begins, length) + np.arange(length.sum()))


def _middle(counts: RankCounts) -> RankCounts:
    """Sums of slices of values that lie evenly in their cells."""
    return counts * (grid.SLICES - 1) // 2
