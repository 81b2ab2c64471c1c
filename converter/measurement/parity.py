"""The Keras model, its float TFLite and the quantized TFLite on the same pictures, through the same preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.scores import Outputs
from edge.core.arrays import Integers
from edge.drift.univariate.intervals import wilson

SHOWN = 24
"""Disagreements that are listed."""
UNCERTAIN = 8


@dataclass(frozen=True, slots=True)
class ClassReport:
    """One label. A share of nothing is None."""

    label: str
    support: int
    """Pictures that have it."""
    precision: float | None
    """Share of the pictures named so that are so."""
    recall: float | None
    """Share of the pictures that are so that are named so."""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model on the evaluation pictures; fractions from 0 to 1."""

    name: str
    accuracy: float
    low: float
    high: float
    """The 95 % confidence interval of the accuracy."""
    confusion: tuple[tuple[int, ...], ...]
    """Pictures by true label (row) and named label (column)."""
    classes: tuple[ClassReport, ...]


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """Two models on the evaluation pictures."""

    first: str
    second: str
    agreement: float
    """Share of the pictures on which both name the same label."""
    low: float
    high: float
    """Its 95 % confidence interval."""
    mean_difference: float
    largest_difference: float
    """Largest difference of scores, 0 to 1, over all pictures and labels."""


@dataclass(frozen=True, slots=True)
class PictureReport:
    """One picture; the scores are those of the label that the model names."""

    path: str
    label: str
    by_float: str
    float_score: float
    by_quantized: str
    quantized_score: float
    difference: float
    """Largest difference between the two models' scores of a label."""

    @property
    def differs(self) -> bool:
        """Whether the models name two labels."""
        return self.by_float != self.by_quantized


@dataclass(frozen=True, slots=True)
class Parity:
    models: tuple[ModelReport, ...]
    """The trained model first, the quantized one last."""
    agreements: tuple[AgreementReport, ...]
    disagreements: tuple[PictureReport, ...]
    """Trained against quantized: pictures that they judge differently first, then those whose scores differ most."""
    judged_differently: int
    """Pictures, of which ``disagreements`` may list a part."""
    uncertain: tuple[PictureReport, ...]
    """Where the quantized model's two highest scores are nearest to each other."""


@dataclass(frozen=True, slots=True)
class JudgedReport:
    """One picture and what one model says of it."""

    path: str
    label: str
    named: str
    score: float
    """Score of the label named."""

    @property
    def right(self) -> bool:
        return self.named == self.label


@dataclass(frozen=True, slots=True)
class ParityRun:
    """One model alone."""

    model: ModelReport
    mistakes: tuple[JudgedReport, ...]
    """Pictures that it names wrongly, the surest first; ``wrong`` may be more."""
    wrong: int
    uncertain: tuple[JudgedReport, ...]
    """Where its two highest scores are nearest to each other."""


def judge(name: str, labels: tuple[str, ...], paths: tuple[Path, ...], truth: Integers, scores: Outputs) -> ParityRun:
    """``scores``: (n, labels) from 0 to 1."""
    named, top = scores.argmax(axis=1), scores.max(axis=1)
    wrong = np.flatnonzero(named != truth)

    def listed(order: Integers) -> tuple[JudgedReport, ...]:
        pairs = [(i, int(named[i])) for i in order]
        return tuple(
            JudgedReport(str(paths[i]), labels[int(truth[i])], labels[k], float(scores[i, k])) for i, k in pairs
        )

    return ParityRun(
        model=_model(name, labels, truth, scores),
        mistakes=listed(wrong[np.argsort(-top[wrong], kind="stable")][:SHOWN]),
        wrong=len(wrong),
        uncertain=listed(np.argsort(_lead(scores), kind="stable")[:UNCERTAIN]),
    )


def _lead(scores: Outputs) -> NDArray[np.float32]:
    """By how much the highest score leads the second, (n,)."""
    two = np.sort(scores, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])


def compare(labels: tuple[str, ...], paths: tuple[Path, ...], truth: Integers, scores: dict[str, Outputs]) -> Parity:
    """``scores``: (n, labels) from 0 to 1 by the model's name, the trained model first, the quantized one last."""
    names = list(scores)
    first, last = scores[names[0]], scores[names[-1]]
    by_first, by_last = first.argmax(axis=1), last.argmax(axis=1)
    difference = np.abs(first - last).max(axis=1)

    def listed(*keys: NDArray[np.generic], most: int) -> tuple[PictureReport, ...]:
        order = np.lexsort((np.arange(len(paths)), *keys))[:most]
        return tuple(_picture(labels, paths[i], int(truth[i]), first[i], last[i]) for i in order)

    return Parity(
        models=tuple(_model(name, labels, truth, of) for name, of in scores.items()),
        agreements=tuple(_agreement(one, other, scores[one], scores[other]) for one, other in combinations(names, 2)),
        disagreements=listed(-difference, by_first == by_last, most=SHOWN),
        judged_differently=int((by_first != by_last).sum()),
        uncertain=listed(_lead(last), most=UNCERTAIN),
    )


def _model(name: str, labels: tuple[str, ...], truth: Integers, scores: Outputs) -> ModelReport:
    matrix = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(matrix, (truth, scores.argmax(axis=1)), 1)
    right, count = int(matrix.trace()), len(truth)
    rows, columns = matrix.sum(axis=1), matrix.sum(axis=0)
    return ModelReport(
        name,
        right / count,
        *wilson(right, count),
        confusion=tuple(tuple(int(value) for value in row) for row in matrix),
        classes=tuple(
            ClassReport(label, int(rows[i]), _share(matrix[i, i], columns[i]), _share(matrix[i, i], rows[i]))
            for i, label in enumerate(labels)
        ),
    )


def _agreement(one: str, other: str, first: Outputs, second: Outputs) -> AgreementReport:
    same = int((first.argmax(axis=1) == second.argmax(axis=1)).sum())
    difference = np.abs(first - second)
    return AgreementReport(
        one,
        other,
        same / len(first),
        *wilson(same, len(first)),
        mean_difference=float(difference.mean()),
        largest_difference=float(difference.max()),
    )


def _picture(labels: tuple[str, ...], path: Path, truth: int, first: Outputs, last: Outputs) -> PictureReport:
    by_first, by_last = int(first.argmax()), int(last.argmax())
    return PictureReport(
        path=str(path),
        label=labels[truth],
        by_float=labels[by_first],
        float_score=float(first[by_first]),
        by_quantized=labels[by_last],
        quantized_score=float(last[by_last]),
        difference=float(np.abs(first - last).max()),
    )


def _share(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None
