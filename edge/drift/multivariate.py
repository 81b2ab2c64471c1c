"""Tests of whole samples: many columns at once, or their geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from edge.core.arrays import Floats
from edge.drift.univariate.samples import ks_2samp
from edge.drift.univariate.statistics import TestResult


class Bonferroni(NamedTuple):
    """Bonferroni's verdict on several univariate tests."""

    p_value: float
    """The smallest times their number, at most 1: C. Bonferroni, Pubbl. R. Ist. Sup. Sc. Econ. 8, 1936."""
    column: int
    """Whose it is."""
    outcomes: tuple[TestResult, ...]


def ks_bonferroni(reference: ArrayLike, sample: ArrayLike) -> Bonferroni:
    """Kolmogorov–Smirnov on each column of (n, k) and (m, k).

    On a model's softmax outputs this is BBSDs: Z. Lipton, Y. Wang, A. Smola, ICML 2018, as tested by S. Rabanser,
    S. Günnemann, Z. Lipton, "Failing Loudly", NeurIPS 2019.
    """
    first, second = np.atleast_2d(reference), np.atleast_2d(sample)
    if first.shape[1] != second.shape[1] or not first.shape[1]:
        raise ValueError(f"expected two samples of the same columns, got shapes {first.shape} and {second.shape}")
    outcomes = tuple(ks_2samp(a, b) for a, b in zip(first.T, second.T, strict=True))
    column = int(np.argmin([outcome.p_value for outcome in outcomes]))
    return Bonferroni(min(1.0, len(outcomes) * outcomes[column].p_value), column, outcomes)


@dataclass(frozen=True)
class PrincipalComponents:
    """Projection onto the directions of largest variance: K. Pearson, Philosophical Magazine 2, 1901."""

    mean: Floats
    axes: Floats
    """(d, k)"""

    @classmethod
    def fit(cls, samples: ArrayLike, components: int) -> PrincipalComponents:
        """Fits components to samples (n, d); fewer components where the data has fewer."""
        table = np.asarray(samples, np.float64)
        mean = table.mean(axis=0)
        rows = np.linalg.svd(table - mean, full_matrices=False)[2]
        return cls(mean, rows[:components].T)

    def __call__(self, samples: ArrayLike) -> Floats:
        """(n, k)"""
        return np.asarray((np.asarray(samples, np.float64) - self.mean) @ self.axes)


def pca_ks(reference: ArrayLike, sample: ArrayLike, components: int = 32) -> Bonferroni:
    """Kolmogorov–Smirnov on principal components of the reference, with Bonferroni (``PCAd`` of "Failing Loudly").

    The first half of the reference fits the components and the second is compared: on rows that were fitted the
    components vary more than on others.
    """
    table = np.asarray(reference, np.float64)
    half = len(table) // 2
    projection = PrincipalComponents.fit(table[:half], components)
    return ks_bonferroni(projection(table[half:]), projection(sample))


def mmd(reference: ArrayLike, sample: ArrayLike, permutations: int = 200, seed: int = 0) -> TestResult:
    """Maximum mean discrepancy with a Gaussian kernel of median width: (unbiased MMD², permutation p-value).

    p = (r + 1) / (permutations + 1), r the number of permutations with at least this MMD², is exact for exchangeable
    rows. Memory grows with (n + m)². A. Gretton et al., Journal of Machine Learning Research 13, 2012.
    """
    x, y = (np.asarray(one, np.float64).reshape(len(one), -1) for one in (reference, sample))  # type: ignore[arg-type]
    n, m = len(x), len(y)
    if min(n, m) < 2:
        return TestResult(0.0, 1.0)
    kernel = _kernel(np.concatenate([x, y]))
    rng = np.random.default_rng(seed)
    first = np.concatenate([np.ones(n), np.zeros(m)])
    found, *shuffled = _mmd(kernel, np.stack([first, *(rng.permutation(first) for _ in range(permutations))], axis=1))
    as_far = sum(one >= found - 1e-12 for one in shuffled)
    return TestResult(found, (as_far + 1) / (permutations + 1))


def _kernel(rows: Floats) -> Floats:
    """Without the diagonal, which the unbiased estimate leaves out."""
    squares = (rows**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * rows @ rows.T, 0.0)
    width = float(np.median(distances[np.triu_indices(len(rows), 1)])) or 1.0
    kernel: Floats = np.exp(-distances / width)
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _mmd(kernel: Floats, first: Floats) -> list[float]:
    """One for each column of ``first`` (n + m, k), which is 1 for rows of the first sample and 0 for the others."""
    n = float(first[:, 0].sum())
    m = len(first) - n
    towards = kernel @ first
    within = (first * towards).sum(axis=0)
    across = towards.sum(axis=0) - within
    other = kernel.sum() - within - 2 * across
    values = within / (n * (n - 1)) + other / (m * (m - 1)) - 2 * across / (n * m)
    return [float(value) for value in values]
