"""From a trained Keras model and labelled pictures to a checked artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converter import onnx_export
from converter.data.conversion_data import ConversionData, gather
from converter.data.dataset import balanced
from converter.data.scores import activation_of
from converter.flatbuffer import package
from converter.loading.loading import FloatModel, load
from converter.measurement import evaluate, loadable
from converter.measurement.measuring import Measurement, measure_quantized
from converter.measurement.runner import installed_runtimes, verify
from converter.preprocessing.preprocessing_search import FoundPreprocessing, find_preprocessing
from converter.progress import Progress
from converter.quantization.modes import Quantizer
from converter.quantization.quantize import Graph
from converter.quantization.recipes import choose
from converter.report.page import render
from converter.report.provenance import created
from converter.report.report import ConversionReport, OnnxReport, Sizes
from converter.report.report_data import Proof, beside, common_facts, origin, prove
from converter.settings import Settings
from edge.drift.reference import Reference
from edge.errors import ConversionError, EdgeError, MissingError
from edge.inference.artifact.artifact import LABELS, REFERENCE
from edge.inference.artifact.golden import NAME as GOLDEN
from edge.inference.artifact.golden import Golden
from edge.inference.artifact.manifest import Manifest
from edge.inference.artifact.stated import read_stated

if TYPE_CHECKING:
    import keras


def convert(
    model: keras.Model | Path,
    data: Path,
    out: Path,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes the artifact ``out`` whole, or raises and leaves what was there.

    ``model`` is a file, a SavedModel folder, or a model in memory, which stays as it is. ``data`` has one folder of
    pictures per label, or is a ``.csv`` of path,label. The report goes beside ``out`` as ``.html``. Raises
    ConversionError for a model or data that will not do, ConfigError for a setting, MissingError without TensorFlow.
    """
    with guarded(out):
        return _convert(model, data, out, settings or Settings(), progress or Progress())


@contextmanager
def guarded(out: Path) -> Iterator[None]:
    """Temporary files that cannot be written, as on a full disk, end a conversion with a ConversionError."""
    try:
        yield
    except EdgeError:
        raise
    except OSError as error:  # a full disk under the temporary files, for one
        why = error.strerror or str(error)
        what = error.filename or "a temporary file"
        raise ConversionError(f"{what}: cannot be read or written ({why}); {out} is as it was") from None


def _convert(
    source: keras.Model | Path, data: Path, out: Path, settings: Settings, progress: Progress
) -> ConversionReport:
    settings.check(out)
    if settings.onnx:
        onnx_export.check_installed()
    progress.say(f"loading {source if isinstance(source, Path) else source.name}")
    model = load(source)
    material = gather(model, data, settings, progress)
    found, material = find_preprocessing(model, material, settings, progress)
    graph = Graph(model, found.best.convention, activation_of(np.concatenate([one.outputs for one in found.trials])))

    chosen = balanced(material.known.classes, settings.calibration, settings.seed)
    progress.say(f"calibrating with {len(chosen)} pictures")
    workshop = Quantizer(graph, material.known.pixels[chosen], progress, material.known.pixels)
    onnx = _onnx(graph, material, out, progress) if settings.onnx else None
    choice = choose(workshop, material.unseen, settings, progress)
    made = workshop.make(choice.recipe, choice.tuning)
    measured = measure_quantized(made.model, graph, material, progress, settings.min_runtime)
    provenance = origin(model, data, out, settings, material)
    proof = prove(graph, workshop.float_model, made, material, measured, provenance, progress)

    manifest = _manifest(settings.model_id(out), settings.version, model, made.model, material, measured)
    loadable.check_stated(manifest.min_runtime, settings.min_runtime)
    text = f"Image classifier, trained on {found.best.convention}; {made.description}."
    final = package.with_metadata(made.model, manifest, text)
    files = artifact_files(material.labels, measured.reference, measured.golden)
    artifact = package.build(final, manifest, files, settings.key())
    sizes = Sizes(len(workshop.float_model), len(final), len(artifact))
    report = _report(out, settings, manifest, material, found, measured, proof, sizes, onnx[1] if onnx else None)
    report = replace(report, recipe=made.recipe, recipes=choice.tried, choice=choice.why, tuning=made.tuning)
    progress.say(f"checking and writing {out}")
    others = beside(out, settings, render(report), manifest.model, final) | (
        {Path(onnx[1].out): onnx[0]} if onnx else {}
    )
    package.write(out, artifact, verify_on_all(settings.min_runtime, progress), others)
    return report


def _onnx(graph: Graph, material: ConversionData, out: Path, progress: Progress) -> tuple[bytes, OnnxReport]:
    progress.say("converting to ONNX")
    return onnx_export.export(graph, material.unseen.pixels, out.with_suffix(".onnx"), progress)


def _manifest(
    name: str, version: int, model: FloatModel, quantized: bytes, material: ConversionData, measured: Measurement
) -> Manifest:
    return Manifest(
        model=name,
        version=version,
        created=created(model.file),
        input=measured.input,
        output=measured.output,
        flatbuffer_sha256="",
        min_runtime=read_stated(quantized).min_runtime,
        runtimes=tuple(one.platform for one in measured.runtimes),
        evaluation=measured.evaluation,
        golden_platform=measured.golden_platform,
        golden_tolerance=measured.golden_tolerance,
    )


def _report(
    out: Path,
    settings: Settings,
    manifest: Manifest,
    material: ConversionData,
    found: FoundPreprocessing,
    measured: Measurement,
    proof: Proof,
    sizes: Sizes,
    onnx: OnnxReport | None,
) -> ConversionReport:
    facts = common_facts(out, settings, manifest, material, found, proof.duplicates, proof.provenance)
    facts["warnings"] += tuple(evaluate.warnings(measured.evaluation))
    return ConversionReport(
        **facts,
        runtimes=measured.runtimes,
        calibration_pictures=min(settings.calibration, len(material.known)),
        evaluation=measured.evaluation,
        bytes=sizes,
        parity=proof.parity,
        layers=proof.layers,
        float_latency_ms=proof.float_latency_ms,
        onnx=onnx,
    )


def artifact_files(labels: tuple[str, ...], reference: Reference, golden: Golden) -> dict[str, bytes]:
    """Files that are packed beside the model."""
    return {LABELS: package.labels_file(labels), REFERENCE: reference.to_bytes(), GOLDEN: golden.to_bytes()}


def verify_on_all(oldest: str, progress: Progress) -> Callable[[Path], None]:
    """A check of the finished file on every runtime that works here, from the ``oldest`` on."""

    def check(artifact: Path) -> None:
        for runtime in installed_runtimes(oldest):
            try:
                verify(artifact, runtime)
            except MissingError as error:
                progress.say(f"warning: {error}")

    return check
