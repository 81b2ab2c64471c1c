"""Which convention a model was trained with, found by trying it on labelled pictures.

A candidate is the clear winner when

- it finds more labels again than naming the commonest class would (binomial test, 1 %),
- and each other candidate is worse on the same pictures (exact McNemar test, 1 %).

Two exceptions, because the evidence need not decide what makes no difference or what nobody does: candidates that
give the same scores (RGB and BGR on grey pictures) are one, and a plain convention that comes first need not be told
apart from the rare ones (BGR, torch, caffe): the burden of proof is on those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converter.choices import ConverterRange
from converter.data.samples import PixelSamples
from converter.data.scores import classes_of, probabilities
from converter.data.statistics import binomial_tail, mcnemar
from converter.loading.classifier import Classifier, ProbeInput
from converter.preprocessing.conventions import Convention, candidates
from converter.progress import Progress
from edge.core.arrays import Integers
from edge.core.choices import Colour
from edge.errors import ConversionError

SIGNIFICANCE = 0.01
SAME_SCORES = 0.01
"""Two candidates are one when their scores differ by less on average."""


@dataclass(frozen=True)
class Trial:
    """One candidate on the labelled pictures."""

    convention: Convention
    outputs: NDArray[np.float32]
    """Raw, (n, size)."""
    right: NDArray[np.bool_]
    """(n,)"""

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())


def search(
    model: Classifier,
    samples: PixelSamples,
    value_range: ConverterRange | None,
    colour: Colour | None,
    progress: Progress,
) -> list[Trial]:
    """Tries every candidate that agrees with what is given, the plainest first. Raises ConversionError."""
    agreeing = candidates(model.channels, value_range, colour)
    if not agreeing:
        given = f"--range {value_range} --colour {colour}".replace("--range None ", "")
        raise ConversionError(f"{given}: does not go with the model's {model.channels}-channel input")
    each = [(samples.pixels, convention) for convention in agreeing]
    return tried(model, each, samples.classes, progress, "tried")


def tried(
    model: Classifier, each: Sequence[ProbeInput], classes: Integers, progress: Progress, what: str
) -> list[Trial]:
    """Each candidate on its input tensors, which show pictures of these ``classes``."""
    found = model.judge_each(progress.count(each, len(each), what))
    return [
        Trial(convention, outputs, classes_of(outputs) == classes)
        for (_, convention), outputs in zip(each, found, strict=True)
    ]


def doubts(best: Trial, others: Sequence[Trial]) -> list[str]:
    """Objections to a convention that was given: another that is significantly better."""
    better = [trial for trial in others if significantly_better(trial, best)]
    if not better:
        return []
    first = max(better, key=lambda trial: trial.accuracy)
    return [
        f"{best.convention} was given, but {first.convention} finds significantly more labels again "
        f"({first.accuracy:.1%} against {best.accuracy:.1%} of {len(best.right)}); check --range and --colour"
    ]


def significantly_better(first: Trial, second: Trial, level: float = SIGNIFICANCE) -> bool:
    """On the same pictures, by the exact McNemar test."""
    only_first, only_second = _apart(first, second)
    return only_first > only_second and mcnemar(only_first, only_second) < level


def choose(trials: Sequence[Trial], classes: Integers) -> Trial:
    """The clear winner. Raises ConversionError when there is none, naming the options that settle it."""
    best = max(trials, key=lambda trial: trial.accuracy)
    if len(trials) == 1:
        return best
    commonest = float(np.bincount(classes).max() / len(classes))
    if binomial_tail(len(classes), int(best.right.sum()), commonest) >= SIGNIFICANCE:
        raise ConversionError(
            f"preprocessing: no candidate finds the labels again (the best, {best.convention}, {best.accuracy:.1%} "
            f"of {len(classes)} pictures; the commonest class has {commonest:.1%}); check the order of the labels "
            "(--labels), or give --range and --colour"
        )
    rivals = [trial for trial in trials if trial is not best and _is_rival(best, trial)]
    if rivals:
        raise ConversionError(_ambiguity([best, *rivals], len(classes)))
    return best


def table(trials: Sequence[Trial]) -> list[str]:
    """Lines for people, the best first."""
    ranked = sorted(trials, key=lambda trial: -trial.accuracy)
    return [f"  {trial.convention!s:<12}{trial.accuracy:>8.1%}" for trial in ranked]


def _is_rival(best: Trial, other: Trial) -> bool:
    if best.convention.plain and not other.convention.plain:
        return False
    if np.abs(probabilities(best.outputs) - probabilities(other.outputs)).mean() < SAME_SCORES:
        return False
    return mcnemar(*_apart(best, other)) >= SIGNIFICANCE


def _apart(first: Trial, second: Trial) -> tuple[int, int]:
    """Pictures on which only the first, and only the second, is right."""
    return int((first.right & ~second.right).sum()), int((second.right & ~first.right).sum())


def _ambiguity(rivals: list[Trial], count: int) -> str:
    shown = ", ".join(f"{trial.convention} {trial.accuracy:.1%}" for trial in rivals)
    ranges = list(dict.fromkeys(trial.convention.range for trial in rivals))
    colours = list(dict.fromkeys(trial.convention.colour for trial in rivals))
    options = [f"--range ({' or '.join(ranges)})"] if len(ranges) > 1 else []
    options += [f"--colour ({' or '.join(colours)})"] if len(colours) > 1 else []
    return (
        f"preprocessing: {shown} cannot be told apart on {count} pictures; "
        f"give {' and '.join(options)}, or more labelled pictures"
    )
