"""Parts by the thousand, as numbers: what the drift features and a model say of pictures of the simulated line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.arrays import Floats
from edge.drift import PART_FEATURES, Pane, Reference, measure
from edge.drift.features import FEATURES
from edge.inference.frames.frame import Image
from edge.sim.line import SimulatedLine
from edge.sim.options import LABELS, LineOptions

SIZE = 600
"""Pictures that everything is drawn from."""
SIDE = 64
"""Side of a model's input, pixels."""
ACCURACY = 0.97
"""Accuracy of the model that is made up."""
FRESH = 0.01
"""Each value is moved by so many deviations, so that no two are the same."""


class PopulationSample(NamedTuple):
    """Sample of ``n`` parts: features (n, f), scores (n, k), label indices (n,)."""

    features: Floats
    scores: Floats
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """Population of the undisturbed line. Its reference is made of the same parts, so nothing has drifted by
    itself."""

    features: Floats
    scores: Floats
    labels: NDArray[np.int64]
    reference: Reference

    @classmethod
    def draw_line(cls, seed: int, size: int = SIZE) -> Population:
        """From ``size`` pictures, which takes some seconds."""
        line = SimulatedLine(LineOptions(seed=seed))
        names = tuple(name for name in FEATURES if name not in PART_FEATURES)
        features = np.array([measure(_small(line.image(part)), names) for part in range(size)])
        truth = np.array([LABELS.index(line.truth(part)) for part in range(size)])
        scores = _scores(truth, np.random.default_rng(seed))
        labels = scores.argmax(axis=1)
        return cls(features, scores, labels, Reference.fit(features, scores, labels, LABELS, names))

    def sample(
        self, rng: np.random.Generator, n: int, shift: Mapping[str, float], defects: float | None = None
    ) -> PopulationSample:
        """``n`` parts. ``shift`` moves features, by name, by deviations of the reference; ``defects`` is the share of
        the parts that the model calls defective, None the usual one.
        """
        chosen = self._choose(rng, n, defects)
        deviations = np.array([column.std for column in self.reference.columns[: self.features.shape[1]]])
        moved = np.array([shift.get(name, 0.0) for name in self.reference.features]) * deviations
        features = self.features[chosen] + moved + rng.normal(0, FRESH, (n, len(moved))) * deviations
        return PopulationSample(features, self.scores[chosen], self.labels[chosen])

    def pane(self, sample: PopulationSample, model: str, first_seq: int) -> Pane:
        """Counted as a device counts."""
        pane = Pane(self.reference, model)
        rows = zip(sample.features, sample.scores, sample.labels.tolist(), strict=True)
        for seq, (features, scores, label) in enumerate(rows, first_seq):
            pane.add(features, scores, label, seq, rejected=label > 0)
        return pane

    def _choose(self, rng: np.random.Generator, n: int, defects: float | None) -> NDArray[np.int64]:
        if defects is None:
            return rng.integers(0, len(self.labels), n)
        bad = rng.random(n) < defects
        whole, defective = (np.flatnonzero((self.labels > 0) == kind) for kind in (False, True))
        return np.where(bad, rng.choice(defective, n), rng.choice(whole, n))


def _small(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _scores(truth: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Scores of a model that is right with ACCURACY, and mostly sure: (n, k), rows that sum up to 1."""
    n, k = len(truth), len(LABELS)
    said = np.where(rng.random(n) < ACCURACY, truth, rng.integers(0, k, n))
    sure = 0.55 + 0.45 * rng.beta(6, 1.5, n)
    scores = rng.dirichlet(np.ones(k - 1), n) * (1 - sure)[:, None]
    spread = np.empty((n, k))
    others = np.argsort(np.arange(k)[None] == said[:, None], axis=1, kind="stable")[:, : k - 1]
    np.put_along_axis(spread, others, scores, axis=1)
    np.put_along_axis(spread, said[:, None], sure[:, None], axis=1)
    return spread
