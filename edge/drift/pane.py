"""The statistics of a run of samples: integers only, so that panes add up exactly, in any split and any order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.drift.features import BLACK, CONSTANT
from edge.drift.layout import as_float32, count
from edge.drift.reference import Reference
from edge.drift.univariate.grid import SIZE
from edge.drift.univariate.ranks import RankCounts
from edge.drift.univariate.wasserstein import Bracket, bracket
from edge.errors import ArtifactError

MARKS = ("black", "constant", "outlying", "uncertain", "rejected")
"""Marks that are counted of whole samples: pictures that are black, constant or far from the reference's; decisions
with a score below the reference's usual ones; parts rejected."""

BLOCK = 1024
"""Samples that wait to be counted together: one call of numpy for many is far cheaper than one for each."""

SUMS = ("ranks", "counts", "sums", "missing", "below", "above", "classes", "marks")

AuditedLabel = tuple[str, int, int]
"""Stratum of the audit's sample, index of the predicted label, index of the true one."""


class Pane:
    """Samples counted against a reference. ``merge`` is exact, commutative and associative.

    ``model`` is the digest of the model they came from, where one is known; panes of two models are not merged.
    """

    def __init__(self, reference: Reference, model: str = "") -> None:
        layout = self._layout = reference.layout
        self.reference = reference
        self.model = model
        self.n = 0
        self.first_seq = 0
        self.last_seq = 0
        """Smallest and largest ``seq``; they mean nothing while ``n`` is 0."""
        self.audits: Counter[AuditedLabel] = Counter()
        self._classes: RankCounts = np.zeros(len(reference.labels), np.int64)
        self._marks: RankCounts = np.zeros(len(MARKS), np.int64)
        self._ranks: RankCounts = np.zeros(int(layout.starts[-1]), np.int64)
        self._counts, self._sums = (np.zeros((layout.columns, SIZE), np.int64) for _ in range(2))
        self._missing, self._below, self._above = (np.zeros(layout.columns, np.int64) for _ in range(3))
        self._rows = np.empty((0, 0))
        self._waiting = 0
        self._sizes = len(reference.features), len(reference.labels)
        self._all_scores = layout.columns == sum(self._sizes)

    def add(
        self,
        features: ArrayLike | None,
        scores: ArrayLike | None,
        label: int | None,
        seq: int,
        *,
        rejected: bool = False,
    ) -> None:
        """Counts one sample: O(columns · log values).

        ``features`` has shape (n_features,) in the order of the reference, ``scores`` (n_labels,), ``label`` is an
        index; None for what there is not (no picture, no decision), which then counts as missing. Raises
        ValueError for another shape or an index that names no label.
        """
        at = self._waiting
        if at >= len(self._rows):
            at = self._make_room()
        rows, (f, k) = self._rows, self._sizes
        rows[at, :f] = np.nan if features is None else _shaped("features", features, f)
        if scores is None:
            rows[at, f:] = np.nan
        else:
            array = _shaped("scores", scores, k)
            rows[at, f:] = array if self._all_scores else array[self.reference.watched]
        if label is not None:
            if not 0 <= label < k:
                raise ValueError(f"label: expected an index from 0 to {k - 1}, got {label}")
            self._classes[label] += 1
        if rejected:
            self._marks[-1] += 1
        self._waiting = at + 1
        if not self.n or seq < self.first_seq:
            self.first_seq = seq
        if not self.n or seq > self.last_seq:
            self.last_seq = seq
        self.n += 1

    def add_audit(self, stratum: str, predicted: int, true: int) -> None:
        """Counts a person's judgement of one sample: label indices of what the model and what the person said.

        Raises ValueError for an index that names no label.
        """
        if not (0 <= predicted < len(self._classes) and 0 <= true < len(self._classes)):
            raise ValueError(f"audit: expected label indices from 0 to {len(self._classes) - 1}")
        self.audits[stratum, predicted, true] += 1

    def merge(self, other: Pane) -> Pane:
        """The pane of both runs together. Raises ArtifactError when they were counted against two references."""
        merged = self._combine(other, 1)
        merged.audits = self.audits + other.audits
        for pane in (self, other):
            merged._extend(pane.n, pane.first_seq, pane.last_seq)
        return merged

    def subtract(self, other: Pane) -> Pane:
        """Subtracts one pane from a sum of panes; ``first_seq`` and ``last_seq`` stay the sum's.

        Raises ValueError when ``other`` was not in it.
        """
        rest = self._combine(other, -1)
        rest.audits = self.audits - other.audits
        rest.n = self.n - other.n
        rest.first_seq, rest.last_seq = self.first_seq, self.last_seq
        if rest.n < 0 or any(getattr(rest, f"_{name}").min(initial=0) < 0 for name in SUMS):
            raise ValueError("pane: what is to be taken away was never in it")
        return rest

    def flush(self) -> RankCounts:
        """Counts what waits to be counted, and says in which cells of the flat rank histogram it fell."""
        rows, self._waiting = self._rows[: self._waiting], 0
        return self._count(rows) if len(rows) else np.zeros(0, np.int64)

    def ranks(self, column: int) -> RankCounts:
        """The rank histogram (2n + 1,) of one column, see :mod:`edge.drift.univariate.ranks`."""
        self._settle()
        starts = self.reference.layout.starts
        return self._ranks[starts[column] : starts[column + 1]]

    def wasserstein(self, column: int) -> Bracket:
        """Bounds of the Wasserstein-1 distance to the stored reference values, in the unit of the column."""
        layout = self.reference.layout
        cells = self.ranks(column)
        grid = self._counts[column], self._sums[column]
        values = layout.ranks[column].values
        return bracket(values, cells, *grid, float(layout.means[column]), float(layout.steps[column]))

    @property
    def classes(self) -> list[int]:
        """Counts of the predicted labels; samples without a label are in ``n`` only."""
        return [int(count) for count in self._classes]

    @property
    def marks(self) -> dict[str, int]:
        """By name: see MARKS."""
        self._settle()
        return dict(zip(MARKS, self._marks.tolist(), strict=True))

    @property
    def missing(self) -> RankCounts:
        """By column, (columns,): values that were not there or not finite."""
        self._settle()
        return self._missing

    @property
    def outside(self) -> tuple[RankCounts, RankCounts]:
        """By column, (columns,): values below and above the range that the reference saw."""
        self._settle()
        return self._below, self._above

    def arrays(self) -> dict[str, RankCounts]:
        """All that adds up, by the names of SUMS."""
        self._settle()
        return {name: getattr(self, f"_{name}") for name in SUMS}

    def restore(
        self, n: int, seqs: tuple[int, int], audits: Counter[AuditedLabel], arrays: dict[str, RankCounts]
    ) -> None:
        """Puts counts that were stored in place of its own; whoever read them has checked them."""
        self.n, (self.first_seq, self.last_seq), self.audits = n, seqs, audits
        self.__dict__ |= {f"_{name}": arrays[name] for name in SUMS}
        self._waiting = 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pane):
            return NotImplemented
        mine, theirs = self.arrays(), other.arrays()
        return self._head() == other._head() and all(np.array_equal(mine[name], theirs[name]) for name in SUMS)

    __hash__ = None  # type: ignore[assignment]

    def _head(self) -> tuple[Any, ...]:
        seqs = (self.first_seq, self.last_seq) if self.n else None
        return self.reference.digest, self.model, self.n, seqs, self.audits

    def _combine(self, other: Pane, sign: int) -> Pane:
        mine, theirs = (self.reference.digest, self.model), (other.reference.digest, other.model)
        if other.reference is not self.reference and mine[0] != theirs[0]:
            raise ArtifactError(
                f"panes of two drift references ({mine[0]}, {theirs[0]}) cannot be "
                "merged; compare devices that run the same model version"
            )
        if self.model != other.model:
            raise ArtifactError(f"panes of two models ({self.model!r}, {other.model!r}) cannot be merged")
        made = Pane.__new__(Pane)
        made.__dict__ |= self.__dict__
        ours, others = self.arrays(), other.arrays()
        made.__dict__ |= {f"_{name}": ours[name] + sign * others[name] for name in SUMS}
        made._rows, made._waiting, made.n = np.empty((0, 0)), 0, 0
        return made

    def _make_room(self) -> int:
        self._settle()
        if not len(self._rows):
            self._rows = np.empty((BLOCK, self.reference.layout.columns))
        return 0

    def _settle(self) -> None:
        if self._waiting:
            self.flush()

    def _count(self, raw: NDArray[np.float64]) -> RankCounts:
        layout = self.reference.layout
        rows = as_float32(raw)
        good = np.isfinite(rows)
        if not good.all():
            self._missing += (~good).sum(axis=0)
            rows[~good] = np.broadcast_to(layout.means, rows.shape)[~good]
        keys = layout.rank_cells(rows, good)
        count(self._ranks, keys)
        cells, slices = layout.grid_cells(rows, good)
        count(self._counts.reshape(-1), cells)
        count(self._sums.reshape(-1), cells, slices)
        # A value that is not there was replaced by the mean, which is never out of range.
        self._below += (rows < layout.lows).sum(axis=0)
        self._above += (rows > layout.highs).sum(axis=0)
        self._marks[:4] += self._look(rows, good)
        return keys

    def _look(self, rows: NDArray[np.float64], good: NDArray[np.bool_]) -> list[int]:
        """Counts of the first four of MARKS."""
        reference = self.reference
        size = len(reference.features)
        black, constant = (
            int((rows[:, at] < limit)[good[:, at]].sum()) if at is not None else 0
            for at, limit in ((reference.index("brightness"), BLACK), (reference.index("contrast"), CONSTANT))
        )
        if reference.outliers is None:
            return [black, constant, 0, 0]
        far = reference.outliers.far(rows[:, :size]) & good[:, :size].all(axis=1)
        unsure = rows[:, size:].max(axis=1, initial=-np.inf) < reference.outliers.least_score
        unsure &= good[:, size:].all(axis=1) & (rows.shape[1] > size)
        return [black, constant, int(far.sum()), int(unsure.sum())]

    def _extend(self, n: int, first_seq: int, last_seq: int) -> None:
        if n:
            self.first_seq = min(self.first_seq, first_seq) if self.n else first_seq
            self.last_seq = max(self.last_seq, last_seq) if self.n else last_seq
        self.n += n


def _shaped(name: str, values: ArrayLike, size: int) -> NDArray[np.float64]:
    array = values if isinstance(values, np.ndarray) else np.asarray(values, np.float64)
    if array.shape != (size,):
        raise ValueError(f"{name}: expected shape ({size},), got {array.shape}")
    return array
