"""Measurement of the quantized model on the runtimes at hand, through the device's own code."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from converter.data.conversion_data import ConversionData
from converter.data.dataset import at_most
from converter.data.scores import Outputs, classes_of, probabilities
from converter.measurement import evaluate, golden
from converter.measurement.coarse import coarse
from converter.measurement.golden_selection import probes, steadiest
from converter.measurement.loadable import OLDEST
from converter.measurement.runner import Run, installed_runtimes, run, runtime_of
from converter.progress import Progress
from converter.quantization.quantize import Graph, check_input
from converter.report.report import RuntimeReport
from edge.core.choices import Activation, Dtype
from edge.drift.features import FEATURES, measure
from edge.drift.reference import Reference
from edge.errors import ConversionError, MissingError
from edge.inference.artifact.golden import Golden
from edge.inference.artifact.manifest import Evaluation, InputSpec, OutputSpec

OTHER_RUNTIMES_MOST = 200
"""Evaluation pictures on any runtime but the first: tflite-runtime 2.14 takes ten times as long on int8."""


@dataclass(frozen=True)
class Measurement:
    input: InputSpec
    output: OutputSpec
    evaluation: Evaluation
    runtimes: tuple[RuntimeReport, ...]
    golden: Golden
    golden_platform: str
    golden_tolerance: int
    reference: Reference
    float_scores: Outputs
    """The trained model's, 0 to 1, on the evaluation pictures, (n, classes)."""
    quantized_scores: Outputs
    """The quantized model's on the first runtime."""


def measure_quantized(
    quantized: bytes, graph: Graph, material: ConversionData, progress: Progress, oldest: str = OLDEST
) -> Measurement:
    """Runs the flatbuffer on all runtimes. Raises ConversionError where one does not do."""
    known, unseen = material.known, material.unseen
    by_float = graph.predict(unseen.pixels)
    chosen = golden.candidates(unseen, by_float, graph.predict)
    images, tensors = golden.pictures(unseen, chosen, material.spec, graph.predict)

    progress.say(f"running the quantized model on {len(unseen) + len(known)} pictures")
    few = at_most(len(unseen), OTHER_RUNTIMES_MOST, seed=0)
    first, *others = _run_all(
        quantized,
        [unseen.pixels, tensors, known.pixels, probes(tensors)],
        [unseen.pixels[few], tensors],
        progress,
        oldest,
    )
    check_input(first[0].input)
    output = output_spec(first[0], graph.scores)
    top = evaluate.scores(first[1], output).max(axis=1)
    builtin = run(quantized, tensors, runtime_of(first[1]), progress, xnnpack=False)
    seen = [one[1].outputs for one in (first, *others)]
    steady, tolerance = steadiest([*seen, builtin.outputs], first[3].outputs, top)
    quantized_scores = evaluate.scores(first[0], output)
    by_quantized = classes_of(quantized_scores)
    return Measurement(
        input=replace(material.spec, dtype=_input_dtype(first[0])),
        output=output,
        evaluation=evaluate.compare(unseen.classes, classes_of(by_float), by_quantized),
        runtimes=(
            evaluate.report(first[0], by_quantized, unseen.classes, output),
            *(evaluate.report(one[0], by_quantized[few], unseen.classes[few], output) for one in others),
        ),
        golden=Golden(tuple(images[i] for i in steady), first[1].outputs[steady]),
        golden_platform=first[0].platform,
        golden_tolerance=tolerance,
        reference=fit_reference(evaluate.scores(first[2], output), material),
        float_scores=probabilities(by_float),
        quantized_scores=quantized_scores,
    )


def output_spec(run: Run, activation: Activation) -> OutputSpec:
    """Raises ConversionError for an output type that the device does not read."""
    info = run.output
    dtypes: dict[str, Dtype] = {"uint8": "uint8", "int8": "int8", "float32": "float32"}
    if info.dtype not in dtypes:
        raise ConversionError(f"the converted output is {info.dtype}; expected one of {', '.join(dtypes)}")
    return OutputSpec(info.shape[-1], dtypes[info.dtype], info.scale, info.zero_point, activation)


def run_float(
    flatbuffer: bytes, graph: Graph, pixels: NDArray[np.uint8], progress: Progress
) -> tuple[Outputs, float]:
    """Scores of the float32 flatbuffer on the first runtime, (n, classes), and its median milliseconds a picture."""
    progress.say(f"running the float32 model on {len(pixels)} pictures")
    (whole,) = _run_all(flatbuffer, [pixels], [], progress, OLDEST)[0]
    return evaluate.scores(whole, output_spec(whole, graph.scores)), whole.latency_ms


def _input_dtype(run: Run) -> Dtype:
    return "float32" if run.input.dtype == "float32" else "uint8"


def _run_all(
    model: bytes, full: list[NDArray[np.uint8]], less: list[NDArray[np.uint8]], progress: Progress, oldest: str
) -> list[list[Run]]:
    """For each runtime a run per part: of ``full`` on the first runtime, of ``less`` on the others."""
    runs: list[list[Run]] = []
    for runtime in installed_runtimes(oldest):
        parts = less if runs else full
        if not parts:
            break
        try:
            whole = run(model, np.concatenate(parts), runtime, progress)
        except MissingError as error:
            progress.say(f"warning: {error}")
            continue
        runs.append(whole.split([len(part) for part in parts]))
    if not runs:
        raise MissingError("no usable TFLite runtime to check the model with; pip install ai-edge-litert")
    return runs


def fit_reference(scores: Outputs, material: ConversionData) -> Reference:
    """``scores`` of the known pictures, (n, classes), as the device computes them."""
    features = coarse(np.stack([measure(picture) for picture in material.known.small]))
    return Reference.fit(
        features, coarse(scores.astype(np.float64)), classes_of(scores), material.labels, tuple(FEATURES)
    )
