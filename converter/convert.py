"""From a trained Keras model and labelled pictures to a checked artifact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from converter import evaluate, package
from converter.correction import correct_bias
from converter.dataset import balanced
from converter.loading import FloatModel, load
from converter.material import Material, gather
from converter.measuring import Measured, measure_quantized
from converter.preprocessing import Trial, choose, search, table
from converter.progress import Progress
from converter.quantize import Graph, to_float, to_int8
from converter.report import Report, Sizes, TrialReport
from converter.runner import installed_runtimes, verify
from converter.samples import join
from converter.scores import activation_of
from converter.settings import Settings
from edge.artifact.artifact import LABELS, REFERENCE
from edge.artifact.golden import NAME as GOLDEN
from edge.artifact.manifest import Manifest
from edge.artifact.stated import read_stated
from edge.errors import ConversionError, EdgeError, MissingError

SEARCH_MOST = 500
"""Pictures on which the preprocessing is searched."""


def convert(
    model_path: Path, data: Path, out: Path, settings: Settings | None = None, progress: Progress | None = None
) -> Report:
    """Writes the artifact ``out`` whole, or raises and leaves what was there.

    ``data`` has one folder of pictures per label. Raises ConversionError for a model or data that will not do,
    ConfigError for a setting, MissingError without TensorFlow.
    """
    try:
        return _convert(model_path, data, out, settings or Settings(), progress or Progress())
    except EdgeError:
        raise
    except OSError as error:  # a full disk under the temporary files, for one
        why = error.strerror or str(error)
        raise ConversionError(f"{out}: a temporary file cannot be written ({why}); nothing was kept") from None


def _convert(model_path: Path, data: Path, out: Path, settings: Settings, progress: Progress) -> Report:
    settings.check(out)
    progress.say(f"loading {model_path}")
    model = load(model_path)
    material = gather(model, data, settings, progress)
    trials, best = _preprocessing(model, material, settings, progress)
    graph = Graph(model, best.convention, activation_of(np.concatenate([trial.outputs for trial in trials])))

    progress.say("converting to float32")
    float_model = to_float(graph)
    chosen = balanced(material.known.classes, settings.calibration, settings.seed)
    progress.say(f"quantizing to int8 with {len(chosen)} pictures")
    quantized = to_int8(graph, material.known.pixels[chosen], progress)
    quantized = correct_bias(quantized, float_model, material.known.pixels[chosen], progress)
    measured = measure_quantized(quantized, graph, material, progress)

    manifest = _manifest(settings.model_id(out), settings.version, quantized, material, measured)
    text = f"Image classifier, trained on {best.convention}; full-integer int8."
    final = package.with_metadata(quantized, manifest, text)
    artifact = package.build(final, manifest, _files(material, measured))
    progress.say(f"checking and writing {out}")
    package.write(out, artifact, _verify(progress))
    sizes = Sizes(len(float_model), len(final), len(artifact))
    return _report(out, settings, manifest, material, trials, best, measured, sizes)


def _preprocessing(
    model: FloatModel, material: Material, settings: Settings, progress: Progress
) -> tuple[list[Trial], Trial]:
    samples = join(material.known, material.unseen).at_most(SEARCH_MOST, settings.seed)
    progress.say(f"finding the preprocessing on {len(samples)} pictures")
    trials = search(model, samples, settings.range, settings.colour, progress)
    for line in table(trials):
        progress.say(line)
    return trials, choose(trials, samples.classes)


def _manifest(name: str, version: int, quantized: bytes, material: Material, measured: Measured) -> Manifest:
    return Manifest(
        model=name,
        version=version,
        created=package.created(),
        input=material.spec,
        output=measured.output,
        flatbuffer_sha256="",
        min_runtime=read_stated(quantized).min_runtime,
        evaluation=measured.evaluation,
        golden_platform=measured.golden_platform,
        golden_tolerance=measured.golden_tolerance,
    )


def _report(
    out: Path,
    settings: Settings,
    manifest: Manifest,
    material: Material,
    trials: list[Trial],
    best: Trial,
    measured: Measured,
    sizes: Sizes,
) -> Report:
    return Report(
        out=str(out),
        model=manifest.model,
        version=manifest.version,
        labels=material.labels,
        range=best.convention.range,
        colour=best.convention.colour,
        trials=tuple(TrialReport(t.convention.range, t.convention.colour, t.accuracy) for t in trials),
        input=manifest.input,
        output=manifest.output,
        calibration_pictures=min(settings.calibration, len(material.known)),
        evaluation=measured.evaluation,
        runtimes=measured.runtimes,
        min_runtime=manifest.min_runtime,
        golden_tolerance=measured.golden_tolerance,
        bytes=sizes,
        damaged=tuple(str(path) for path in material.damaged),
        warnings=tuple(evaluate.warnings(measured.evaluation)),
        seed=settings.seed,
    )


def _files(material: Material, measured: Measured) -> dict[str, bytes]:
    return {
        LABELS: package.labels_file(material.labels),
        REFERENCE: measured.reference.to_bytes(),
        GOLDEN: measured.golden.to_bytes(),
    }


def _verify(progress: Progress) -> Callable[[Path], None]:
    """A check of the finished file on every runtime that works here."""

    def check(artifact: Path) -> None:
        for runtime in installed_runtimes():
            try:
                verify(artifact, runtime)
            except MissingError as error:
                progress.say(f"warning: {error}")

    return check
