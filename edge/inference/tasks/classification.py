"""From the output tensor to a decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference.artifact.manifest import OutputSpec

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClassificationRule:
    """Which parts are rejected: their label is in ``reject``, or their score is below ``min_score``."""

    reject: frozenset[str] = frozenset()
    min_score: float = 0.0


@dataclass(slots=True)
class Decision:
    label: str
    index: int
    score: float
    """Score of the label, 0 to 1."""
    reject: bool
    raw: NDArray[np.generic]
    """The output tensor, shape (size,), in the model's dtype: a copy."""
    spec: OutputSpec
    """Meaning of ``raw``."""

    @property
    def scores(self) -> Scores:
        """Scores of all classes, shape (size,), float32. Computed when asked for, which on a line is off the frame's
        way."""
        return scores_of(self.raw, self.spec)


class Decider:
    """One instance serves one thread."""

    def __init__(self, spec: OutputSpec, labels: tuple[str, ...], rule: ClassificationRule) -> None:
        self.labels = labels
        self._spec = spec
        self._min_score = rule.min_score
        self._rejected = tuple(label in rule.reject for label in labels)

    def __call__(self, raw: NDArray[np.generic]) -> Decision:
        """``raw`` is the output tensor, shape (1, classes) or (classes,), in the model's dtype; it is copied."""
        raw = raw.reshape(-1).copy()
        index, score = self._binary(raw) if self._spec.size == 1 else self._best(raw)
        reject = self._rejected[index] or score < self._min_score
        return Decision(self.labels[index], index, score, reject, raw, self._spec)

    def _binary(self, raw: NDArray[np.generic]) -> tuple[int, float]:
        score = float(scores_of(raw, self._spec)[0])
        return (1, score) if score >= 0.5 else (0, 1.0 - score)

    def _best(self, raw: NDArray[np.generic]) -> tuple[int, float]:
        """Dequantizing keeps the order, and softmax does: the largest raw value wins."""
        index = int(raw.argmax())
        if self._spec.activation == "logits":
            return index, float(scores_of(raw, self._spec)[index])
        value = float(raw[index])
        if self._spec.dtype != "float32":
            value = (value - self._spec.zero_point) * self._spec.scale
        return index, value


def scores_of(raw: NDArray[np.generic], spec: OutputSpec) -> Scores:
    """Class scores, float32, shape (size,): dequantized by ``scale * (q - zero_point)``, logits through softmax."""
    scores: Scores = raw.reshape(-1).astype(np.float32)
    if spec.dtype != "float32":
        scores -= np.float32(spec.zero_point)
        scores *= np.float32(spec.scale)
    if spec.activation == "logits":
        scores -= scores.max()
        np.exp(scores, out=scores)
        scores /= scores.sum()
    return scores
