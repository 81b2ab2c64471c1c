"""A line with five classes, all of whose columns are independent, and samples of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.drift import FEATURES, Pane, Reference

LABELS = ("whole", "cracked", "burnt", "broken", "bare")


@dataclass
class Samples:
    features: NDArray[np.float64]
    scores: NDArray[np.float64]
    predicted: NDArray[np.int64]

    def reference(self) -> Reference:
        return Reference.fit(self.features, self.scores, self.predicted, LABELS, tuple(FEATURES))

    def pane(self, reference: Reference, start: int = 0, stop: int | None = None) -> Pane:
        pane, rows = Pane(reference), slice(start, stop)
        samples = zip(self.features[rows], self.scores[rows], self.predicted[rows].tolist(), strict=True)
        for seq, (features, scores, label) in enumerate(samples, start):
            pane.add(features, scores, label, seq)
        return pane


Draw = Callable[[int, int], Samples]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """``draw(n, seed)``: n independent samples of the undisturbed line, 8 features and 5 scores."""

    def sample(n: int, seed: int) -> Samples:
        rng = np.random.default_rng(seed)
        return Samples(
            features=rng.normal(100.0, 10.0, (n, len(FEATURES))),
            scores=rng.beta(2.0, 5.0, (n, len(LABELS))),
            predicted=rng.choice(len(LABELS), n, p=(0.8, 0.08, 0.06, 0.04, 0.02)),
        )

    return sample
