"""Float against quantized, and runtime against runtime, on the same pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from converter.data.scores import classes_of
from converter.data.statistics import mcnemar
from converter.measurement.runner import Run
from converter.report.report import RuntimeReport
from edge.core.arrays import Integers
from edge.errors import ConversionError
from edge.inference.artifact.manifest import Evaluation, OutputSpec
from edge.inference.tasks.classification import scores_of

SIGNIFICANCE = 0.01
WORTH_A_WARNING = 0.01
"""Drop of the accuracy from float to int8."""


def scores(run: Run, spec: OutputSpec) -> NDArray[np.float32]:
    """Class scores as the device computes them, (n, size)."""
    return np.stack([scores_of(raw, spec) for raw in run.outputs])


def compare(truth: Integers, by_float: Integers, by_quantized: Integers) -> Evaluation:
    """All arguments are classes, (n,)."""
    return Evaluation(
        samples=len(truth),
        accuracy_float=_share(by_float == truth),
        accuracy_quantized=_share(by_quantized == truth),
        agreement=_share(by_float == by_quantized),
    )


def report(run: Run, by_first: Integers, truth: Integers, spec: OutputSpec) -> RuntimeReport:
    """``by_first`` are the classes that the first runtime names for the same pictures, (n,).

    Raises ConversionError for a runtime that answers worse: some operator versions load on an older runtime without
    an error and compute nonsense.
    """
    named = classes_of(scores(run, spec))
    right, right_first = named == truth, by_first == truth
    lost, won = int((right_first & ~right).sum()), int((right & ~right_first).sum())
    if lost > won and mcnemar(lost, won) < SIGNIFICANCE:
        raise ConversionError(
            f"the quantized model answers wrongly on {run.platform}: {_share(right):.1%} right, elsewhere "
            f"{_share(right_first):.1%}"
        )
    return RuntimeReport(run.platform, len(named), _share(right), _share(named == by_first), run.latency_ms)


def warnings(evaluation: Evaluation) -> list[str]:
    """Warnings for the person who converts."""
    drop = evaluation.accuracy_float - evaluation.accuracy_quantized
    if drop <= WORTH_A_WARNING:
        return []
    return [f"{100 * drop:.1f} points of accuracy are lost; --target-drop finds a recipe that loses less"]


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean())
