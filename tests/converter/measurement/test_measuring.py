from __future__ import annotations

import numpy as np
import pytest

from converter.measurement import evaluate
from converter.measurement.runner import Run
from converter.quantization.quantize import check_input
from edge.errors import ConversionError
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.interpreter import TensorInfo

INPUT = TensorInfo("image", (1, 4, 4, 3), "uint8", 1.0, 0)
OUTPUT = TensorInfo("scores", (1, 3), "uint8", 1 / 256, 0)
SPEC = OutputSpec(3, "uint8", 1 / 256, 0)
TRUTH = np.arange(60) % 3


def a_run(named: np.ndarray, platform: str = "a") -> Run:
    return Run(platform, INPUT, OUTPUT, np.where(np.arange(3)[None] == named[:, None], 200, 28).astype(np.uint8))


def test_float_and_quantized_are_compared_picture_by_picture():
    by_int8 = TRUTH.copy()
    by_int8[:6] = (TRUTH[:6] + 1) % 3
    found = evaluate.compare(TRUTH, TRUTH, by_int8)
    assert (found.samples, found.accuracy_float) == (60, 1.0)
    assert found.accuracy_quantized == found.agreement == pytest.approx(0.9)
    assert evaluate.warnings(found)
    assert not evaluate.warnings(evaluate.compare(TRUTH, TRUTH, TRUTH))


def test_a_runtime_that_answers_at_chance_is_refused():
    nonsense = np.random.default_rng(0).integers(0, 3, 60)
    with pytest.raises(ConversionError, match=r"answers wrongly on old 2\.14"):
        evaluate.report(a_run(nonsense, "old 2.14"), TRUTH, TRUTH, SPEC)


def test_a_runtime_that_rounds_otherwise_is_reported():
    other = TRUTH.copy()
    other[0] = (TRUTH[0] + 1) % 3
    report = evaluate.report(a_run(other), TRUTH, TRUTH, SPEC)
    assert report.accuracy == report.agreement == pytest.approx(59 / 60)


@pytest.mark.parametrize("info", [("uint8", 0.98, 0), ("uint8", 1.0, 1), ("int8", 1.0, -128)])
def test_an_input_that_is_not_the_pixel_itself_is_refused(info: tuple[str, float, int]):
    check_input(INPUT)
    with pytest.raises(ConversionError, match=r"expected uint8, 1\.0 and 0"):
        check_input(TensorInfo("image", (1, 4, 4, 3), *info))
