"""Drift reference: what the line looked like when all was well, the fixed side of every comparison, recorded with the
model."""

from __future__ import annotations

import hashlib
import itertools
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.core.structs import build, plain
from edge.drift.encoding.packing import PackedNumbers, pack, unpack
from edge.drift.layout import Layout, as_float32
from edge.drift.outliers import Outliers
from edge.errors import ArtifactError, ConfigError, ConversionError

MAX_VALUES = 1000
"""Most values kept of one column."""

MAX_SCORES = 32
"""Most classes whose scores are watched; with more labels, those that the reference predicted most often."""

MAX_COUNT = 2**53
"""Largest count read from outside: whole in any JSON reader, and its products with ranks fit 64 bits."""

MAX_BYTES = 16 << 20
"""Most that a packed reference may unfold to."""

SCHEMA = 4


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """One feature, or the score of one class (``score:<label>``), over the reference."""

    name: str
    values: tuple[float, ...]
    """Sorted, finite, 1 to MAX_VALUES; each exactly a float32, as samples are made before they are compared."""
    total: int
    """Number of finite values before thinning."""
    missing: int
    """Number of values that were not finite."""
    low: float
    high: float
    """The range seen, before thinning."""
    mean: float
    std: float
    """Standard deviation of all finite values (ddof 0), before thinning; float32."""


@dataclass(frozen=True)
class Reference:
    features: tuple[str, ...]
    labels: tuple[str, ...]
    classes: tuple[int, ...]
    """Counts of the predicted labels."""
    columns: tuple[ReferenceColumn, ...]
    """The features in their order, then the scores in the order of the labels."""
    outliers: Outliers | None = None

    @classmethod
    def fit(
        cls,
        features: ArrayLike,
        scores: ArrayLike,
        predicted: ArrayLike,
        labels: Sequence[str],
        feature_names: Sequence[str],
    ) -> Reference:
        """From ``n`` good samples: features (n, f), scores (n, k), predicted (n,) label indices.

        Values are rounded to float32; those that are not finite count as missing. Raises ConversionError when
        shapes disagree, names repeat, or a column has no finite value.
        """
        table = np.asarray(features, dtype=np.float64)
        outputs = np.asarray(scores, dtype=np.float64)
        indices = np.asarray(predicted, dtype=np.int64)
        _check_shapes(table, outputs, indices, labels, feature_names)
        classes = np.bincount(indices, minlength=len(labels))
        watched = np.sort(np.argsort(-classes, kind="stable")[:MAX_SCORES])
        columns = [_column(name, table[:, i]) for i, name in enumerate(feature_names)]
        columns += [_column(f"score:{labels[i]}", outputs[:, i]) for i in watched]
        outliers = Outliers.fit(table, outputs[:, watched])
        return cls(tuple(feature_names), tuple(labels), tuple(int(n) for n in classes), tuple(columns), outliers)

    @cached_property
    def score_indices(self) -> tuple[int, ...]:
        """Which of the model's outputs the score columns are."""
        places = {f"score:{label}": i for i, label in enumerate(self.labels)}
        return tuple(places[column.name] for column in self.columns[len(self.features) :])

    @cached_property
    def watched(self) -> NDArray[np.int64]:
        """:attr:`score_indices` as an array."""
        return np.array(self.score_indices, np.int64)

    @cached_property
    def layout(self) -> Layout:
        """Layout of the reference for counting."""
        columns = self.columns
        moments = [(column.mean, column.std) for column in columns]
        return Layout([column.values for column in columns], moments, [(one.low, one.high) for one in columns])

    def index(self, name: str) -> int | None:
        """Which column has this name."""
        return self._places.get(name)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {column.name: place for place, column in enumerate(self.columns)}

    @cached_property
    def digest(self) -> str:
        """Names this reference: statistics are comparable only where it is the same. 16 hexadecimal digits."""
        return hashlib.sha256(self._canonical()).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """The canonical form, compressed. Equal references give equal bytes with the same zlib."""
        return zlib.compress(self._canonical(), 9)

    def _canonical(self) -> bytes:
        """JSON, UTF-8; values as ``packing`` has them. Equal references, equal bytes, whatever the zlib."""
        columns = [{**plain(column), "values": plain(pack(column.values))} for column in self.columns]
        fields = {**plain(self), "columns": columns, "schema": SCHEMA}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Reference:
        """The inverse of :meth:`to_bytes`; the canonical form does too. Raises ArtifactError."""
        try:
            fields = json.loads(data if data.startswith(b"{") else _unfold(data))
            if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
                raise ConfigError(f"expected an object of schema {SCHEMA}")
            stored = build(_Stored, fields, strict=False)
            columns = tuple(_unpack(build(_StoredColumn, item, strict=False)) for item in stored.columns)
            reference = cls(stored.features, stored.labels, stored.classes, columns, stored.outliers)
            reference._check()
            _ = reference.digest  # text without a UTF-8 form fails here, not on the line
        except (ValueError, OverflowError, RecursionError, zlib.error) as error:
            raise ArtifactError(f"drift reference is not valid: {error}; convert the model again") from None
        return reference

    def _check(self) -> None:
        names = tuple(column.name for column in self.columns)
        scores = names[len(self.features) :]
        _require(names[: len(self.features)] == self.features, "columns must begin with the features")
        _require(len(set(names)) == len(names), "column names must differ")
        _require(set(scores) <= {f"score:{label}" for label in self.labels}, "a score without its label")
        _require(len(self.classes) == len(self.labels), "expected one class count per label")
        _require(len(set(self.labels)) == len(self.labels), "labels must differ")
        _require(all(0 <= count <= MAX_COUNT for count in self.classes), f"class counts go up to {MAX_COUNT}")
        if self.outliers is not None:
            self.outliers.check(len(self.features))


@dataclass(frozen=True, slots=True)
class _Stored:
    features: tuple[str, ...]
    labels: tuple[str, ...]
    classes: tuple[int, ...]
    columns: tuple[dict[str, Any], ...]
    outliers: Outliers | None = None


@dataclass(frozen=True, slots=True)
class _StoredColumn:
    name: str
    values: PackedNumbers
    total: int
    missing: int
    low: float
    high: float
    mean: float
    std: float


def _column(name: str, values: NDArray[np.float64]) -> ReferenceColumn:
    rounded = as_float32(values)
    kept = np.sort(rounded[np.isfinite(rounded)]) + 0.0  # one zero: -0.0 equals 0.0, but not in bytes
    if not kept.size:
        raise ConversionError(f"drift reference: {name} has no finite value; leave it out or give other images")
    # The middle of each of MAX_VALUES equal stretches of ranks.
    size = min(kept.size, MAX_VALUES)
    thinned = kept[(2 * np.arange(size) + 1) * kept.size // (2 * size)]
    missing = rounded.size - kept.size
    mean, std = as_float32([kept.mean(), kept.std() if kept[0] < kept[-1] else 0.0]).tolist()
    return ReferenceColumn(
        name, tuple(thinned.tolist()), kept.size, missing, float(kept[0]), float(kept[-1]), mean, std
    )


def _check_shapes(
    table: NDArray[np.float64],
    outputs: NDArray[np.float64],
    indices: NDArray[np.int64],
    labels: Sequence[str],
    names: Sequence[str],
) -> None:
    n = len(indices) if indices.ndim == 1 else 0
    expected = ((n, len(names)), (n, len(labels)))
    if not n or (table.shape, outputs.shape) != expected:
        raise ConversionError(
            f"drift reference: expected features and scores of shapes {expected[0]} and {expected[1]} with n ≥ 1 "
            f"predicted labels, got {table.shape}, {outputs.shape} and {indices.shape}"
        )
    if indices.min() < 0 or indices.max() >= len(labels):
        raise ConversionError(f"drift reference: predicted must be label indices, 0 to {len(labels) - 1}")
    if len(set(names)) < len(names) or len(set(labels)) < len(labels):
        raise ConversionError("drift reference: feature names and labels must differ from each other")


def _unfold(data: bytes) -> bytes:
    unfolder = zlib.decompressobj()
    text = unfolder.decompress(data, MAX_BYTES)
    _require(unfolder.eof and not unfolder.unused_data, f"expected one compressed text of up to {MAX_BYTES} bytes")
    return text


def _unpack(stored: _StoredColumn) -> ReferenceColumn:
    values = unpack(stored.values)
    _require(0 < values.size <= MAX_VALUES, f"{stored.name}: expected 1 to {MAX_VALUES} values")
    ordered = (stored.low, *values.tolist(), stored.high)
    _require(bool(np.isfinite((*ordered, stored.mean, stored.std)).all()), f"{stored.name}: values must be finite")
    _require(stored.low <= stored.mean <= stored.high and stored.std >= 0, f"{stored.name}: mean or std out of range")
    _require(np.array_equal(as_float32(values), values), f"{stored.name}: values must be float32")
    _require(all(a <= b for a, b in itertools.pairwise(ordered)), f"{stored.name}: values must be sorted")
    _require(stored.total >= values.size and stored.missing >= 0, f"{stored.name}: counts do not add up")
    fields = {name: getattr(stored, name) for name in _StoredColumn.__slots__}
    return ReferenceColumn(**(fields | {"values": tuple(values.tolist())}))


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigError(message)
