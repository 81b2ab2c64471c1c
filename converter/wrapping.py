"""From a ready ``.tflite`` and labelled pictures to a checked artifact: nothing is converted, everything is measured.

The model's own tensors stay as they are. What it was trained on is found like a Keras model's, by trying the
candidates, and goes into the manifest and the TFLite Metadata instead of into the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from converter.convert import artifact_files, guarded, verify_on_all
from converter.data.conversion_data import ConversionData, gather
from converter.data.dataset import at_most
from converter.data.duplicates import find_duplicates
from converter.data.samples import join
from converter.data.scores import Outputs, activation_of, classes_of
from converter.flatbuffer import package
from converter.measurement import evaluate, golden, loadable
from converter.measurement.golden_selection import probes, steadiest
from converter.measurement.measuring import OTHER_RUNTIMES_MOST, fit_reference
from converter.measurement.parity import judge
from converter.measurement.runner import installed_runtimes
from converter.measurement.tensors import Ready
from converter.preprocessing.conventions import Convention
from converter.preprocessing.preprocessing_search import find_preprocessing
from converter.progress import Progress
from converter.quantization.operators import check_builtin
from converter.report.page import render
from converter.report.provenance import created, provenance
from converter.report.report import RuntimeReport
from converter.report.report_data import beside, common_facts
from converter.report.wrap_report import WrapReport, WrapSizes
from converter.settings import Settings
from edge.core.choices import Activation
from edge.drift.reference import Reference
from edge.errors import ArtifactError, ConfigError, ConversionError, MissingError
from edge.inference.artifact import Artifact
from edge.inference.artifact.describe import check_classifier
from edge.inference.artifact.golden import Golden
from edge.inference.artifact.manifest import Accuracy, Manifest, OutputSpec
from edge.inference.interpreter import check_in_child, open_interpreter


@dataclass(frozen=True)
class WrapMeasurement:
    """Measurement of the model on the runtimes at hand."""

    accuracy: Accuracy
    runtimes: tuple[RuntimeReport, ...]
    golden: Golden
    golden_platform: str
    golden_tolerance: int
    reference: Reference
    scores: Outputs
    """0 to 1, of the evaluation pictures on the first runtime, (n, classes)."""


def wrap(
    model_path: Path, data: Path, out: Path, settings: Settings | None = None, progress: Progress | None = None
) -> WrapReport:
    """Writes the artifact ``out`` whole, or raises and leaves what was there.

    ``model_path``: a float or quantized TFLite image classifier. ``data``: labelled pictures, without which there
    is no drift reference and no golden sample. Raises ConversionError, ConfigError, MissingError.
    """
    with guarded(out):
        return _wrap(model_path, data, out, settings or Settings(), progress or Progress())


def _wrap(model_path: Path, data: Path, out: Path, settings: Settings, progress: Progress) -> WrapReport:
    settings.check(out)
    if settings.onnx:
        raise ConfigError(f"--onnx: {model_path} is converted already; export the Keras model it was made from")
    progress.say(f"loading {model_path}")
    model, min_runtime = _load(model_path, settings, progress)
    material = gather(model, data, settings, progress)
    found, material = find_preprocessing(model, material, settings, progress)
    best = found.best
    spec, output = model.input_spec(best.convention, material.spec), _output_spec(model, best.outputs)
    measured = _measure(model, best.convention, output, material, settings, progress)
    manifest = Manifest(
        model=settings.model_id(out),
        version=settings.version,
        created=created(model_path),
        input=spec,
        output=output,
        flatbuffer_sha256="",
        min_runtime=min_runtime,
        runtimes=tuple(one.platform for one in measured.runtimes),
        accuracy=measured.accuracy,
        golden_platform=measured.golden_platform,
        golden_tolerance=measured.golden_tolerance,
    )
    text = f"Image classifier, trained on {best.convention}."
    files = artifact_files(material.labels, measured.reference, measured.golden)
    final = package.with_metadata(model.flatbuffer, manifest, text)
    artifact = package.build(final, manifest, files, settings.key())
    duplicates = find_duplicates(material.known, material.unseen)
    made = provenance(model_path, data, out, settings, join(material.known, material.unseen))
    report = WrapReport(
        **common_facts(out, settings, manifest, material, found, duplicates, made),
        runtimes=measured.runtimes,
        accuracy=measured.accuracy,
        judgement=judge(
            "as it came", material.labels, material.unseen.paths, material.unseen.classes, measured.scores
        ),
        bytes=WrapSizes(model_path.stat().st_size, len(artifact)),
    )
    progress.say(f"checking and writing {out}")
    others = beside(out, settings, render(report), manifest.model, final)
    package.write(out, artifact, verify_on_all(settings.min_runtime, progress), others)
    return report


def _load(path: Path, settings: Settings, progress: Progress) -> tuple[Ready, str]:
    """The model and the runtime it needs by its own word. Raises ArtifactError, ConversionError, MissingError."""
    artifact = Artifact.load(path)
    check_builtin(path, artifact.model)
    loadable.check_stated(artifact.stated.min_runtime, settings.min_runtime)
    try:
        check_in_child(artifact.model)
        interpreter = open_interpreter(artifact.model)
    except ArtifactError as error:
        raise ConversionError(f"{path}: {error}") from None
    check_classifier(artifact, interpreter)
    model = Ready(path, artifact.model, interpreter.inputs[0], interpreter.outputs[0], progress)
    if model.classes < 2:
        raise ConversionError(f"{path}: one score for two labels; expected one per label, convert the Keras model")
    return model, artifact.stated.min_runtime


def _output_spec(model: Ready, outputs: Outputs) -> OutputSpec:
    """Kind of the scores, judged by their values; rounding adds up over a row."""
    spec = model.output_spec()
    step = 0.0 if spec.dtype == "float32" else spec.scale
    near_one = np.abs(outputs.sum(axis=1) - 1).max() < 0.01 + spec.size * step / 2
    found: Activation = "softmax" if near_one and outputs.min() >= -1e-3 else activation_of(outputs)
    return replace(spec, activation=found)


def _measure(
    model: Ready,
    convention: Convention,
    output: OutputSpec,
    material: ConversionData,
    settings: Settings,
    progress: Progress,
) -> WrapMeasurement:
    """Raises ConversionError where a runtime does not do."""
    unseen, known = material.unseen, material.known
    progress.say(f"running the model on {len(unseen) + len(known)} pictures")
    first, *others = installed_runtimes(settings.min_runtime)
    run = partial(model.run_each, progress=progress)
    (judged,) = run([(unseen.pixels, convention)], first)
    scores = evaluate.scores(judged, output)
    by_first = classes_of(scores)
    again = partial(model.judge, convention=convention)
    chosen = golden.candidates(unseen, scores, again)
    images, tensors = golden.pictures(unseen, chosen, material.spec, again)
    few = at_most(len(unseen), OTHER_RUNTIMES_MOST, seed=0)

    reports = [evaluate.report(judged, by_first, unseen.classes, output)]
    parts = [(part, convention) for part in (tensors, probes(tensors), known.pixels)]
    sampled, probed, reference = run(parts, first)
    steps = [sampled, *run(parts[:1], first, xnnpack=False)]
    for runtime in others:
        try:
            shown, sampled = run([(unseen.pixels[few], convention), parts[0]], runtime)
        except MissingError as error:
            progress.say(f"warning: {error}")
            continue
        reports.append(evaluate.report(shown, by_first[few], unseen.classes[few], output))
        steps.append(sampled)
    top = evaluate.scores(steps[0], output).max(axis=1)
    steady, tolerance = steadiest([one.outputs for one in steps], probed.outputs, top)
    return WrapMeasurement(
        accuracy=Accuracy(len(unseen), reports[0].accuracy),
        runtimes=tuple(reports),
        golden=Golden(tuple(images[i] for i in steady), steps[0].outputs[steady]),
        golden_platform=judged.platform,
        golden_tolerance=tolerance,
        reference=fit_reference(evaluate.scores(reference, output), material),
        scores=scores,
    )
