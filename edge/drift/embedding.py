"""Drift of a model's embedding: projected, rounded to whole numbers and summed, so that the sums merge exactly.

An embedding is projected onto the reference's leading principal components, each scaled to variance one, and rounded
to 1/1024. Summed up are n, Σz, Σzzᵀ (mean and covariance) and ΣΦ, random Fourier features of a Gaussian kernel
(A. Rahimi and B. Recht, NIPS 2007), whose mean distance to the reference's is an approximate maximum mean discrepancy
(A. Gretton et al., JMLR 13, 2012). Null quantiles come from the reference itself, by drawing windows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from edge.core.arrays import Floats, Integers
from edge.errors import ArtifactError, ConversionError

COMPONENTS = 16
FOURIER = 128
UNIT = 1024
"""Whole numbers are multiples of 1/UNIT."""
LARGEST = 16
"""Components are clipped to this many standard deviations; Σzzᵀ fits 64 bits for 3·10¹⁰ samples."""
DRAWS = 500
"""Windows drawn from the reference for the null quantiles."""


class Distances(NamedTuple):
    """Distances of a window to the reference."""

    hotelling: float
    """n · |mean z|² in the reference's metric: H. Hotelling, Annals of Mathematical Statistics 2(3), 1931."""
    mmd: float
    """Squared: |mean Φ - reference mean Φ|², not below 0."""


@dataclass(frozen=True)
class Embedding:
    """The fixed side: how to project, and what the reference came to."""

    mean: Floats
    """(d,)"""
    axes: Floats
    """(d, k): columns are principal components over their standard deviation."""
    frequencies: Floats
    """(k, FOURIER)"""
    phases: Floats
    """(FOURIER,)"""
    fourier_mean: Floats = field(default_factory=lambda: np.zeros(FOURIER))
    null: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    """(DRAWS, 2) distances of windows of ``window`` samples drawn from the reference, sorted by column."""
    window: int = 0

    @classmethod
    def fit(cls, samples: ArrayLike, window: int, seed: int = 0) -> Embedding:
        """From embeddings (n, d) of good samples, for windows of ``window``.

        Raises ConversionError for fewer than two samples or values that are not finite.
        """
        table = np.asarray(samples, np.float64)
        if table.ndim != 2 or len(table) < 2 or not np.isfinite(table).all():
            raise ConversionError(f"embedding: expected finite values (n ≥ 2, d), got shape {table.shape}")
        rng = np.random.default_rng(seed)
        mean = table.mean(axis=0)
        axes = _components(table - mean)
        width = _median_distance((table - mean) @ axes, rng)
        frequencies = rng.normal(0.0, 1.0 / width, (axes.shape[1], FOURIER))
        bare = cls(mean, axes, frequencies, rng.uniform(0, 2 * np.pi, FOURIER))
        return bare._with_null(table, window, rng)

    @property
    def size(self) -> int:
        """Numbers in the sums of :meth:`sums`."""
        k: int = self.axes.shape[1]
        return 1 + k + k * (k + 1) // 2 + FOURIER

    def sums(self, samples: ArrayLike) -> Integers:
        """(n, Σz, upper triangle of Σzzᵀ, ΣΦ) of embeddings (n, d), as whole numbers: they add up exactly.

        Rows that are not finite are left out. Raises ArtifactError for another width.
        """
        table = np.atleast_2d(np.asarray(samples, np.float64))
        if table.shape[1:] != self.mean.shape:
            raise ArtifactError(f"embedding: expected {len(self.mean)} numbers, got shape {table.shape}")
        table = table[np.isfinite(table).all(axis=1)]
        whole, waves = self._whole(table)
        square = whole.T @ whole
        upper = np.triu_indices(len(square))
        parts = [np.array([len(table)]), whole.sum(axis=0), square[upper], waves.sum(axis=0)]
        return np.asarray(np.concatenate(parts), np.int64)

    def distances(self, sums: Integers) -> Distances:
        """Distances of summed windows to the reference; (0, 0) for none."""
        n, k = int(sums[0]), self.axes.shape[1]
        if not n:
            return Distances(0.0, 0.0)
        return _distances(n, sums[1 : 1 + k] / (n * UNIT), sums[-FOURIER:] / (n * UNIT) - self.fourier_mean)

    def p_values(self, sums: Integers) -> Distances:
        """Shares (r + 1) / (draws + 1) of drawn windows at least as far as this one, which is about as long."""
        found = np.array(self.distances(sums))
        farther = (self.null >= found).sum(axis=0)
        return Distances(*((farther + 1) / (len(self.null) + 1)).tolist())

    def covariance(self, sums: Integers) -> Floats:
        """Covariance of the components over a window, (k, k): the identity over the reference."""
        n, k = int(sums[0]), self.axes.shape[1]
        square = np.zeros((k, k))
        square[np.triu_indices(k)] = sums[1 + k : -FOURIER]
        square += np.triu(square, 1).T
        centre = sums[1 : 1 + k] / (n * UNIT)
        return np.asarray(square / (n * UNIT**2) - np.outer(centre, centre))

    def _whole(self, table: Floats) -> tuple[Integers, Integers]:
        # Row by row: a product of many rows may round a row otherwise than alone, and shards would differ.
        parts = np.array([(row - self.mean) @ self.axes for row in table]).reshape(len(table), self.axes.shape[1])
        parts = np.clip(parts, -LARGEST, LARGEST)
        turns = np.array([part @ self.frequencies for part in parts]).reshape(len(table), FOURIER)
        waves = np.cos(turns + self.phases)
        return np.rint(parts * UNIT).astype(np.int64), np.rint(waves * UNIT).astype(np.int64)

    def _with_null(self, table: Floats, window: int, rng: np.random.Generator) -> Embedding:
        whole, waves = self._whole(table)
        known = replace(self, fourier_mean=waves.mean(axis=0) / UNIT, window=window)
        # The reference is drawn anew, too: its own chance is part of every distance to it.
        draws = [rng.integers(0, len(table), (size, DRAWS)) for size in (window, len(table))]
        centres, turns = (
            [np.stack([values[chosen].mean(axis=0) for chosen in draw.T]) / UNIT for draw in draws]
            for values in (whole, waves)
        )
        null = [_distances(window, a - b, c - d) for a, b, c, d in zip(*centres, *turns, strict=True)]
        return replace(known, null=np.sort(np.array(null), axis=0))


def _distances(n: int, centre: Floats, gap: Floats) -> Distances:
    return Distances(float(n * centre @ centre), float(gap @ gap * 2 / FOURIER))


def _components(centred: Floats) -> Floats:
    _, values, rows = np.linalg.svd(centred, full_matrices=False)
    deviations = values / np.sqrt(len(centred))
    kept = min(COMPONENTS, int((deviations > 1e-9 * max(deviations[0], 1e-300)).sum()))
    return np.asarray(rows[:kept].T / deviations[:kept])


def _median_distance(parts: Floats, rng: np.random.Generator) -> float:
    """The usual width of a Gaussian kernel: the median distance between samples."""
    some = parts[rng.permutation(len(parts))[:500]]
    distances = np.linalg.norm(some[:, None] - some[None], axis=2)[np.triu_indices(len(some), 1)]
    return float(np.median(distances)) or 1.0
