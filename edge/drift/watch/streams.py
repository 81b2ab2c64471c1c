"""Streams of the continuous watch: a few numbers per pane, each the mean of something bounded over its samples.

A numeric column gives the mean Legendre polynomials, of degrees 1 to 4, of its values' ranks in the reference:
location, spread, skew and tails, the components of J. Neyman's smooth test (Skandinavisk Aktuarietidskrift 20, 1937).
A class and a mark give the angle of their share, and whether they
occurred at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.core.arrays import Floats
from edge.drift.outliers import SHARE
from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.drift.univariate.ranks import RankCounts, largest_gap, shift
from edge.drift.univariate.statistics import jensen_shannon

DEGREES = 4
NUMERIC_WEIGHTS = (0.5, 0.25, 0.125, 0.125)
"""Weights of the degrees; a class and a mark have two numbers of equal weight."""
CLASS = "predicted:"
"""Begins the name of a class's share."""
WATCHED_MARKS = ("outlying", "uncertain")
CAUTION = 0.5
"""A pane's number is granted this part of the deviation that independent samples would have, and of one sample."""


@dataclass(frozen=True, slots=True)
class WatchedPane:
    """A pane as the watch keeps it: a few kilobytes."""

    first_seq: int
    n: int
    cells: RankCounts
    """Those in use of the flat rank histogram."""
    counts: RankCounts
    shares: RankCounts
    """Counts of the watched classes and marks."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect: how large a difference is, whatever the evidence for it."""

    size: float
    """D of Kolmogorov–Smirnov; of a class or mark the Jensen–Shannon distance of its share."""
    shift: float
    """P(now > reference) - P(now < reference); of a class or mark the change of its share."""


class Streams:
    """The columns of a reference, its classes and its marks, as streams of shape (columns, DEGREES)."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self.features = reference.features
        self._watched = _classes(reference)
        marks = WATCHED_MARKS if reference.outliers else ()
        self.names = (
            *(column.name for column in reference.columns),
            *(f"{CLASS}{reference.labels[index]}" for index in self._watched),
            *marks,
        )
        self._shares = self._reference_shares(len(marks))
        layout = reference.layout
        self._scores = np.concatenate([_polynomials(2 * len(ranks.values) + 1) for ranks in layout.ranks])
        self._column = np.repeat(np.arange(layout.columns), np.diff(layout.starts))
        """Polynomials and column of each cell of the flat rank histogram."""
        columns = len(reference.columns)
        self.weights = np.zeros((len(self.names), DEGREES))
        self.weights[:columns] = NUMERIC_WEIGHTS
        self.weights[columns:, :2] = 0.5
        self.binary = np.zeros(self.weights.shape, np.bool_)
        self.binary[columns:, 1] = True

    def sample(self, pane: Pane) -> WatchedPane:
        """Sample that is kept of a pane."""
        ranks = pane.arrays()["ranks"]
        cells = np.flatnonzero(ranks)
        return WatchedPane(pane.first_seq, pane.n, cells, ranks[cells], self.shares(pane))

    def newest(self, pane: Pane, before: WatchedPane | None, first_seq: int) -> tuple[WatchedPane, WatchedPane]:
        """Pane that was added to a growing one since ``before``, and what to give as ``before`` the next time."""
        cells = pane.flush()
        shares = self.shares(pane)
        none = np.zeros(0, np.int64)
        total = WatchedPane(pane.first_seq, pane.n, none, none, shares)
        if before is None:
            return WatchedPane(first_seq, pane.n, cells, np.ones_like(cells), shares), total
        return WatchedPane(first_seq, pane.n - before.n, cells, np.ones_like(cells), shares - before.shares), total

    def measure(self, sample: WatchedPane) -> Floats:
        """(columns, DEGREES); NaN for a column of which fewer than half of the values are there."""
        values = np.full(self.weights.shape, np.nan)
        size = len(self._reference.columns)
        columns = self._column[sample.cells]
        weighted = self._scores[sample.cells] * sample.counts[:, None]
        there = np.bincount(columns, sample.counts, minlength=size)
        for degree in range(DEGREES):
            sums = np.bincount(columns, weighted[:, degree], minlength=size)
            values[:size, degree] = np.where(2 * there >= max(1, sample.n), sums / np.maximum(there, 1), np.nan)
        values[size:, 0] = _steadied(sample.shares, sample.n)
        values[size:, 1] = sample.shares > 0
        return values

    def shares(self, pane: Pane) -> RankCounts:
        """Counts of the watched classes and marks."""
        marks = pane.marks
        counts = [pane.classes[index] for index in self._watched]
        return np.array(counts + [marks[name] for name in WATCHED_MARKS if self._reference.outliers], np.int64)

    def least(self, samples: int) -> Floats:
        """The smallest deviation of each number that a pane of so many samples is granted, (columns, DEGREES)."""
        variance = np.zeros(self.weights.shape)
        for place, ranks in enumerate(self._reference.layout.ranks):
            scores = self._scores[self._column == place][ranks.cells(ranks.values)]
            variance[place] = scores.var(axis=0)
        least = CAUTION * np.maximum(np.sqrt(variance / samples), 1 / samples)
        least[len(self._reference.columns) :] = 1 / (2 * np.sqrt(samples))
        return np.asarray(least)

    def effect(self, place: int, samples: Sequence[WatchedPane]) -> Effect:
        """Effect on one column over several panes together."""
        n = sum(sample.n for sample in samples)
        if place >= len(self._reference.columns):
            return self._share_effect(place - len(self._reference.columns), samples, n)
        start, stop = self._reference.layout.starts[place : place + 2]
        cells = np.zeros(stop - start, np.int64)
        for sample in samples:
            mine = slice(*sample.cells.searchsorted([start, stop]))
            cells[sample.cells[mine] - start] += sample.counts[mine]
        if not cells.any():
            return Effect(0.0, 0.0)
        values = self._reference.columns[place].values
        gap, m = largest_gap(values, cells)
        return Effect(gap / (len(values) * m), shift(cells))

    def _share_effect(self, place: int, samples: Sequence[WatchedPane], n: int) -> Effect:
        share, count = float(self._shares[place]), sum(int(sample.shares[place]) for sample in samples)
        total = max(1, sum(self._reference.classes))
        expected = (round(total * share), round(total * (1 - share)))
        return Effect(jensen_shannon(expected, (count, n - count)), count / max(1, n) - share)

    def _reference_shares(self, marks: int) -> Floats:
        """Half a sample more, so that what was never seen is rare and not impossible."""
        total = sum(self._reference.classes)
        classes = [(self._reference.classes[index] + 0.5) / (total + 1) for index in self._watched]
        return np.array(classes + [SHARE] * marks)


def _classes(reference: Reference) -> tuple[int, ...]:
    """Those whose scores are watched; of two classes one says it all."""
    return reference.score_indices[:1] if len(reference.labels) == 2 else reference.score_indices


def _steadied(counts: RankCounts, n: int) -> Floats:
    """Shares with the same deviation, 1/(2√n), whatever the share; rare events keep no long tail.

    F. Anscombe, Biometrika 35, 1948.
    """
    return np.asarray(np.arcsin(np.sqrt((counts + 0.375) / (n + 0.75))))


def _polynomials(size: int) -> Floats:
    """(size, DEGREES) of Legendre's polynomials at the cells' ranks, which go from -1 to 1."""
    u = np.arange(size) / (size // 2) - 1.0
    return np.stack([u, (3 * u**2 - 1) / 2, (5 * u**3 - 3 * u) / 2, (35 * u**4 - 30 * u**2 + 3) / 8], axis=1)
