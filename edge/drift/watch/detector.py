"""A sequential test with a stated average run length, on numbers that one pane after the other gives.

Per stream (a column and one of its scores) the panes so far predict the next one: a first-order autoregression, whose
coefficient is estimated from them and never taken to be negative, leaves innovations that are independent where panes
resemble only their neighbours. Each innovation over its estimated deviation, made normal by D. Wallace's transform of
Student's t (Annals of Mathematical Statistics 30(4), 1959), becomes e-values exp(λz - λ²/2) for several λ and both
signs; they feed Shiryaev–Roberts e-detectors R ← (R + 1)·e (J. Shin, A. Ramdas, A. Rinaldo, "E-detectors", New
England Journal of Statistics in Data Science 2(2), 2023), whose weighted mean is again an e-detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.core.arrays import Floats

LAMBDAS = np.array([0.25, 0.5, 1.0, 2.0, 3.0])
"""Sizes of change, in deviations of a pane, that the e-values are made for."""
ODDS = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
"""By these parts of the way from the usual frequency to 1 the ratios of a binary stream suppose that it has risen."""
TAIL = 10
"""Degrees of freedom that an innovation's tail is trusted with, however many panes there were: a heavier tail than
Student's t with ten would be needed to alarm too often."""
MIN_PANES = 10
"""Panes that are learnt from before the first may count as evidence."""
MAX_MEMORY = 0.95
"""Largest autoregression coefficient."""
_LARGEST = 1e250


@dataclass
class Moments:
    """Sums over the panes learnt from, per stream; taken from a first value, against cancellation."""

    n: Floats
    origin: Floats
    last: Floats
    total: Floats
    square: Floats
    product: Floats
    """Σ of each value times the one before."""

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Moments:
        return cls(*(np.zeros(shape) for _ in range(6)))

    def add(self, x: Floats) -> None:
        """NaN, a pane that says nothing of a stream, is passed over."""
        good = np.isfinite(x)
        first = good & (self.n == 0)
        self.origin = np.where(first, x, self.origin)
        moved = np.where(good, x - self.origin, 0.0)
        self.total += moved
        self.square += moved**2
        self.product += moved * self.last
        self.last = np.where(good, moved, self.last)
        self.n += good

    def predict(self, least: Floats) -> tuple[Floats, Floats, Floats]:
        """(expected value, its deviation, degrees of freedom) of the next pane."""
        n = np.maximum(self.n, 2.0)
        mean = self.total / n
        variance = np.maximum(self.square / n - mean**2, 0.0)
        # The sum of products has n - 1 terms, which lack the last value once and the first (the origin, 0) not.
        covariance = (self.product - mean * (2 * self.total - self.last) + (n - 1) * mean**2) / n
        with np.errstate(invalid="ignore", divide="ignore"):
            memory = np.where(variance > 0, covariance / variance, 0.0)
        # In short series the estimate is too low: M. Kendall, Biometrika 41, 1954.
        memory = np.clip(memory + (1 + 3 * memory) / n, 0.0, MAX_MEMORY)
        left = variance * (1 + memory**2) - 2 * memory * covariance
        deviation = np.sqrt(np.maximum(left * n / np.maximum(n - 2, 1), least**2) * (1 + 1 / n))
        return self.origin + memory * self.last + (1 - memory) * mean, np.asarray(deviation), np.asarray(n - 2)

    def copy(self) -> Moments:
        return Moments(*(getattr(self, name).copy() for name in self.__dataclass_fields__))


class Detector:
    """E-detectors of streams of shape (…, columns, scores); leading dimensions are separate runs.

    ``weights`` (scores,) or (columns, scores) sum up to 1. ``least`` (columns, scores) is the smallest deviation that
    a pane is granted. ``binary`` ones are 0 or 1, and watched for becoming more frequent than what was learnt makes
    credible (the upper end of Wilson's 95 % interval), by likelihood ratios.
    """

    def __init__(
        self, shape: tuple[int, ...], weights: ArrayLike, least: ArrayLike = 0.0, binary: ArrayLike = False
    ) -> None:
        self._binary = np.broadcast_to(np.asarray(binary, np.bool_), shape)
        self.moments = Moments.of(shape)
        self._least = np.maximum(np.broadcast_to(np.asarray(least, np.float64), shape), 1e-12)
        cells = (2, len(LAMBDAS))
        spread = np.broadcast_to(np.asarray(weights, np.float64), shape[-2:])
        self._weights = spread[..., None, None] / (cells[0] * cells[1])
        self._evidence = np.zeros((*shape, *cells))
        self._sum = np.zeros((*shape, *cells))
        self._run = np.zeros((*shape, *cells), np.int64)
        """E. Page's cumulative sum (Biometrika 41, 1954) of each cell, and panes since it was last zero."""

    def learn(self, x: ArrayLike) -> None:
        """A pane of the undisturbed line, (…, columns, scores); NaN where it says nothing."""
        self.moments.add(np.asarray(x, np.float64))

    def step(self, x: ArrayLike) -> Floats:
        """The evidence against "nothing has changed" after one more pane, per column, (…, columns).

        While nothing has changed, the expected mean over columns is at most the number of panes.
        """
        values = np.asarray(x, np.float64)
        log_e = self._log_e(values)
        with np.errstate(over="ignore"):
            self._evidence = np.minimum((self._evidence + 1.0) * np.exp(log_e), _LARGEST)
        self._sum = np.maximum(self._sum + log_e, 0.0)
        self._run = np.where(self._sum > 0, self._run + 1, 0)
        self.moments.add(values)
        return self.evidence

    @property
    def evidence(self) -> Floats:
        return np.asarray((self._evidence * self._weights).sum(axis=(-3, -2, -1)))

    def run(self, column: int) -> int:
        """For a single run of panes: how many the strongest evidence of a column rests on."""
        cells = self._evidence[column] * self._weights[column]
        return int(self._run[column].flat[int(cells.argmax())])

    def restart(self, where: ArrayLike = True) -> None:
        """Forgets the evidence, not what was learnt; ``where`` chooses among separate runs."""
        chosen = np.asarray(where)[..., None, None, None, None]
        self._evidence = np.where(chosen, 0.0, self._evidence)
        self._sum = np.where(chosen, 0.0, self._sum)
        self._run = np.where(chosen, 0, self._run)

    def _log_e(self, values: Floats) -> Floats:
        expected, deviation, freedom = self.moments.predict(self._least)
        z = normal((values - expected) / deviation, np.minimum(freedom, TAIL))
        speaks = np.isfinite(values) & (self.moments.n >= MIN_PANES)
        z = np.where(speaks, z, 0.0)[..., None, None] * np.array([1.0, -1.0])[:, None]
        log_e = np.where(speaks[..., None, None], LAMBDAS * z - LAMBDAS**2 / 2, 0.0)
        if self._binary.any():
            places = self._binary
            log_e[places] = np.where(speaks[places][:, None, None], self._log_ratios(values[places], places), 0.0)
        return log_e

    def _log_ratios(self, values: Floats, places: NDArray[np.bool_]) -> Floats:
        """(binary streams, signs, sizes); of the second sign nothing, for only a rise counts."""
        n = np.maximum(self.moments.n[places], 1.0)
        usual = upper_limit(self.moments.total[places] + n * self.moments.origin[places], n)[:, None]
        risen = usual + (1 - usual) * ODDS
        ratios = np.where(values[:, None] > 0, np.log(risen / usual), np.log((1 - risen) / (1 - usual)))
        return np.stack([ratios, np.zeros_like(ratios)], axis=1)


def upper_limit(hits: Floats, n: Floats) -> Floats:
    """Upper limit of Wilson's 95 % interval, below 1; see :func:`edge.drift.univariate.intervals.wilson`."""
    z2 = 1.959963984540054**2
    half = np.sqrt(z2) * np.sqrt(hits * (1 - hits / n) + z2 / 4)
    return np.asarray(np.minimum((hits + z2 / 2 + half) / (n + z2), 1 - 1e-9))


def normal(t: Floats, freedom: Floats) -> Floats:
    """The normal deviate about as improbable as Student's ``t``: Wallace's transform."""
    f = np.maximum(freedom, 1.0)
    return np.asarray(np.sign(t) * (8 * f + 1) / (8 * f + 3) * np.sqrt(f * np.log1p(t**2 / f)))


def rejected(evidence: Floats, run_length: float) -> NDArray[np.bool_]:
    """Which columns (…, columns) alarm, by e-BH: the j strongest when each holds columns · run_length / j.

    R. Wang and A. Ramdas, JRSS B 84(3), 2022. Whenever it rejects, the mean over columns is at least ``run_length``.
    """
    columns = evidence.shape[-1]
    order = np.sort(evidence, axis=-1)[..., ::-1]
    enough = order * np.arange(1, columns + 1) >= columns * run_length
    count = np.where(enough.any(axis=-1), columns - enough[..., ::-1].argmax(axis=-1), 0)
    limit = np.take_along_axis(order, np.maximum(count - 1, 0)[..., None], axis=-1)
    return np.asarray((evidence >= limit) & (count > 0)[..., None])
