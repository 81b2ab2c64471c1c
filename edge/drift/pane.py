"""The statistics of a run of samples: integers only, so that panes add up exactly, in any split and any order."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edge.drift.features import BLACK, CONSTANT
from edge.drift.ranks import cell
from edge.drift.reference import MAX_COUNT, Reference, as_float32
from edge.errors import ArtifactError, ConfigError
from edge.typed import build


@dataclass(slots=True)
class Tally:
    """One column: its rank histogram against the reference, and what was out of order."""

    cells: Counter[int] = field(default_factory=Counter)
    """Cell (see :mod:`edge.drift.ranks`) → count."""
    missing: int = 0
    """Values that were not there or not finite."""
    below: int = 0
    above: int = 0
    """Values outside the range that the reference saw."""

    def merge(self, other: Tally) -> Tally:
        return Tally(
            Counter(self.cells) + other.cells,
            self.missing + other.missing,
            self.below + other.below,
            self.above + other.above,
        )


class Pane:
    """Samples counted against a reference. ``merge`` is exact, commutative and associative."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.n = 0
        self.first_seq = 0
        self.last_seq = 0
        """Smallest and largest ``seq``; they mean nothing while ``n`` is 0."""
        self.classes = [0] * len(reference.labels)
        """How often each label was predicted; samples without a label are in ``n`` only."""
        self.black = 0
        self.constant = 0
        self.tallies = tuple(Tally() for _ in reference.columns)
        """In the order of ``reference.columns``."""

    def add(self, features: ArrayLike | None, scores: ArrayLike | None, label: int | None, seq: int) -> None:
        """Counts one sample: O(columns · log values).

        ``features`` has shape (n_features,) in the order of the reference, ``scores`` (n_labels,), ``label`` is an
        index; None for what there is not (no picture, no decision), which then counts as missing. Raises
        ValueError for another shape or an index that names no label.
        """
        values = self._values(features, scores)
        if label is not None:
            if not 0 <= label < len(self.classes):
                raise ValueError(f"label: expected an index from 0 to {len(self.classes) - 1}, got {label}")
            self.classes[label] += 1
        for column, tally, value in zip(self.reference.columns, self.tallies, values, strict=True):
            if not -_LARGEST <= value <= _LARGEST:  # also NaN
                tally.missing += 1
                continue
            tally.cells[cell(column.values, value)] += 1
            tally.below += value < column.low
            tally.above += value > column.high
        self._expect(dict(zip(self.reference.features, values, strict=False)))
        self._extend(1, seq, seq)

    def merge(self, other: Pane) -> Pane:
        """The pane of both runs together. Raises ArtifactError when they were counted against two references."""
        if other.reference is not self.reference and other.reference.digest != self.reference.digest:
            raise ArtifactError(
                f"panes of two drift references ({self.reference.digest}, {other.reference.digest}) cannot be "
                "merged; compare devices that run the same model version"
            )
        merged = Pane(self.reference)
        merged.classes = [a + b for a, b in zip(self.classes, other.classes, strict=True)]
        merged.black = self.black + other.black
        merged.constant = self.constant + other.constant
        merged.tallies = tuple(a.merge(b) for a, b in zip(self.tallies, other.tallies, strict=True))
        for pane in (self, other):
            merged._extend(pane.n, pane.first_seq, pane.last_seq)
        return merged

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready. ``cells`` alternates distances between the cells in use (the first from 0) and counts."""
        columns = zip(self.reference.columns, self.tallies, strict=True)
        return {
            "reference": self.reference.digest,
            "n": self.n,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "classes": list(self.classes),
            "black": self.black,
            "constant": self.constant,
            "columns": {column.name: _tally_to_dict(tally) for column, tally in columns},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], reference: Reference) -> Pane:
        """The inverse of :meth:`to_dict`. Raises ArtifactError for malformed data or another reference."""
        try:
            return _pane(build(_StoredPane, data, strict=False), reference)
        except ConfigError as error:
            raise ArtifactError(f"drift statistics are not valid: {error}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pane) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def _values(self, features: ArrayLike | None, scores: ArrayLike | None) -> list[float]:
        reference = self.reference
        absent = float("nan")
        values = np.full(len(reference.columns), absent)
        n_features, n_labels = len(reference.features), len(reference.labels)
        if features is not None:
            values[:n_features] = _shaped("features", features, n_features)
        if scores is not None:
            values[n_features:] = _shaped("scores", scores, n_labels)[list(reference.score_indices)]
        return list(as_float32(values).tolist())

    def _expect(self, features: Mapping[str, float]) -> None:
        self.black += features.get("brightness", BLACK) < BLACK
        self.constant += features.get("contrast", CONSTANT) < CONSTANT

    def _extend(self, n: int, first_seq: int, last_seq: int) -> None:
        if n:
            self.first_seq = min(self.first_seq, first_seq) if self.n else first_seq
            self.last_seq = max(self.last_seq, last_seq) if self.n else last_seq
        self.n += n


_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class _StoredTally:
    cells: tuple[int, ...]
    missing: int
    below: int
    above: int


@dataclass(frozen=True, slots=True)
class _StoredPane:
    reference: str
    n: int
    first_seq: int
    last_seq: int
    classes: tuple[int, ...]
    black: int
    constant: int
    columns: dict[str, _StoredTally]


def _shaped(name: str, values: ArrayLike, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (size,):
        raise ValueError(f"{name}: expected shape ({size},), got {array.shape}")
    return array


def _tally_to_dict(tally: Tally) -> dict[str, Any]:
    cells, last = [], 0
    for place, count in sorted(tally.cells.items()):
        cells += [place - last, count]
        last = place
    return {"cells": cells, "missing": tally.missing, "below": tally.below, "above": tally.above}


def _pane(stored: _StoredPane, reference: Reference) -> Pane:
    if stored.reference != reference.digest:
        raise ConfigError(f"counted against reference {stored.reference}, not {reference.digest}")
    if set(stored.columns) != {column.name for column in reference.columns}:
        raise ConfigError("columns: expected those of the reference")
    pane = Pane(reference)
    pane.n, pane.first_seq, pane.last_seq = stored.n, stored.first_seq, stored.last_seq
    pane.classes = list(stored.classes)
    pane.black, pane.constant = stored.black, stored.constant
    pane.tallies = tuple(
        _tally(stored.columns[column.name], 2 * len(column.values), stored.n, column.name)
        for column in reference.columns
    )
    _check(pane)
    return pane


def _tally(stored: _StoredTally, last_cell: int, n: int, name: str) -> Tally:
    places = list(itertools.accumulate(stored.cells[::2]))
    counts = stored.cells[1::2]
    rising = all(a < b for a, b in itertools.pairwise([-1, *places, last_cell + 1]))
    if len(places) != len(counts) or not rising or min(counts, default=1) < 1:
        raise ConfigError(f"columns.{name}.cells: expected rising cells up to {last_cell} with counts")
    if sum(counts) + stored.missing != n or min(stored.missing, stored.below, stored.above) < 0:
        raise ConfigError(f"columns.{name}: counts do not add up to {n} samples")
    return Tally(Counter(dict(zip(places, counts, strict=True))), stored.missing, stored.below, stored.above)


def _check(pane: Pane) -> None:
    if not 0 <= pane.n <= MAX_COUNT:
        raise ConfigError(f"n: expected a number of samples from 0 to {MAX_COUNT}, got {pane.n}")
    counts = (*pane.classes, pane.black, pane.constant)
    most = max(sum(pane.classes), pane.black, pane.constant)
    if len(pane.classes) != len(pane.reference.labels) or min(counts) < 0 or most > pane.n:
        raise ConfigError(f"classes, black, constant: expected counts of up to {pane.n} samples")
