"""Single samples that are far from all that the reference holds; counted per window, one by one no proof of drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.core.arrays import Floats
from edge.errors import ConfigError

SHARE = 0.01
"""Share of the reference's own samples that is beyond each limit."""
RIDGE = 1e-3
"""Share of its variance that is added to each feature's, so that features that follow from each other can be told
apart."""
DIGITS = 6
_MARGIN = 1e-5
"""Margin of a limit, as a share of it: rounding to DIGITS, and samples to float32, must not put what equals it beyond
it."""


@dataclass(frozen=True, slots=True)
class Outliers:
    """Limits fitted on the reference."""

    centre: tuple[float, ...]
    """Means of the features, (f,)."""
    whitening: tuple[float, ...]
    """(f, f) by rows: |(x - centre) @ whitening| is the distance of x."""
    limit: float
    """Distance beyond which a picture is an outlier: P. Mahalanobis, Proc. Nat. Inst. Sci. India 2(1), 1936."""
    least_score: float
    """Highest score below which the model counts as uncertain."""

    @classmethod
    def fit(cls, features: ArrayLike, scores: ArrayLike) -> Outliers:
        """From features (n, f) and scores (n, k); rows that are not finite are left out."""
        table, outputs = np.asarray(features, np.float64), np.asarray(scores, np.float64)
        rows = table[np.isfinite(table).all(axis=1)]
        size = table.shape[1]
        centre, whitening = np.zeros(size), np.zeros((size, size))
        if size and len(rows):
            centre = _short(rows.mean(axis=0))
            whitening = _short(_whitening(rows))
        distance = np.sqrt((((rows - centre) @ whitening) ** 2).sum(axis=1))
        best = outputs.max(axis=1)[np.isfinite(outputs).all(axis=1)] if outputs.size else outputs
        return cls(
            tuple(centre.tolist()),
            tuple(whitening.ravel().tolist()),
            float(_short(np.quantile(distance, 1 - SHARE) * (1 + _MARGIN))) if distance.size else 0.0,
            float(_short(np.quantile(best, SHARE) * (1 - _MARGIN))) if best.size else 0.0,
        )

    def far(self, features: Floats) -> NDArray[np.bool_]:
        """Which rows of features (n, f) are outliers; those that are not finite are not."""
        size = len(self.centre)
        moved = (features - np.array(self.centre)) @ np.array(self.whitening).reshape(size, size)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray((moved**2).sum(axis=1) > self.limit**2)

    def check(self, features: int) -> None:
        """Raises ConfigError when it does not fit so many features."""
        if (len(self.centre), len(self.whitening)) != (features, features**2):
            raise ConfigError(f"outliers: expected limits for {features} features")
        if not np.isfinite([*self.centre, *self.whitening, self.limit, self.least_score]).all():
            raise ConfigError("outliers: expected finite numbers")


def _whitening(rows: Floats) -> Floats:
    """W with W Wᵀ the inverse of the covariance."""
    covariance = np.atleast_2d(np.cov(rows.T, ddof=0))
    variance = np.diag(covariance).copy()
    covariance += np.diag(RIDGE * variance + np.where(variance > 0, 0.0, 1.0))
    return np.linalg.cholesky(np.linalg.inv(covariance))


def _short(values: ArrayLike) -> Floats:
    """DIGITS significant digits: the last bits of a decomposition differ from machine to machine."""
    numbers = np.asarray(values, np.float64)
    return np.array([float(f"{one:.{DIGITS}g}") for one in numbers.ravel()]).reshape(numbers.shape)
