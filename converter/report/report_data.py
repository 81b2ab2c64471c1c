"""Data that the report adds to the artifact: the proof that it is as good as the model it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.data.conversion_data import ConversionData
from converter.data.duplicates import Duplicates, find_duplicates
from converter.data.samples import join
from converter.flatbuffer import carray
from converter.loading.loading import FloatModel
from converter.measurement import loadable
from converter.measurement.measuring import Measurement, run_float
from converter.measurement.parity import Parity, compare
from converter.preprocessing.preprocessing_search import FoundPreprocessing
from converter.progress import Progress
from converter.quantization.layers import LayerReport, layer_errors
from converter.quantization.modes import Variant
from converter.quantization.quantize import Graph
from converter.report.provenance import Provenance, provenance
from converter.report.report import LabelReport, RuleReport, TrialReport
from converter.settings import Settings
from edge.inference.artifact.manifest import Manifest


@dataclass(frozen=True)
class Proof:
    parity: Parity
    layers: tuple[LayerReport, ...]
    duplicates: Duplicates
    float_latency_ms: float
    provenance: Provenance


def prove(
    graph: Graph,
    float_model: bytes,
    quantized: Variant,
    material: ConversionData,
    measured: Measurement,
    made: Provenance,
    progress: Progress,
) -> Proof:
    """Raises ConversionError when the float32 flatbuffer does not run."""
    known, unseen = material.known, material.unseen
    float_scores, latency = run_float(float_model, graph, unseen.pixels, progress)
    scores = {
        "Keras": measured.float_scores,
        "TFLite float32": float_scores,
        f"TFLite {quantized.recipe}": measured.quantized_scores,
    }
    progress.say("comparing the models layer by layer")
    duplicates = find_duplicates(known, unseen)
    for warning in duplicates.warnings():
        progress.say(f"warning: {warning}")
    return Proof(
        parity=compare(material.labels, unseen.paths, unseen.classes, scores),
        layers=layer_errors(quantized.reference, quantized.named, unseen.pixels, progress),
        duplicates=duplicates,
        float_latency_ms=latency,
        provenance=made,
    )


def origin(model: FloatModel, data: Path, out: Path, settings: Settings, material: ConversionData) -> Provenance:
    samples = join(material.known, material.unseen)
    if model.file is None:
        return provenance(Path(f"{model.path}.keras"), data, out, settings, samples, model.variables)
    return provenance(model.file, data, out, settings, samples)


def common_facts(
    out: Path,
    settings: Settings,
    manifest: Manifest,
    material: ConversionData,
    found: FoundPreprocessing,
    duplicates: Duplicates,
    made: Provenance,
) -> dict[str, Any]:
    """The fields of ``Common`` but its runtimes."""
    best = found.best.convention
    return {
        "out": str(out),
        "model": manifest.model,
        "version": manifest.version,
        "labels": material.labels,
        "range": best.range,
        "colour": best.colour,
        "trials": tuple(TrialReport(t.convention.range, t.convention.colour, t.accuracy) for t in found.trials),
        "rules": tuple(RuleReport(rule.resize, rule.interpolation, trial.accuracy) for rule, trial in found.rules),
        "input": manifest.input,
        "output": manifest.output,
        "min_runtime": manifest.min_runtime,
        "golden_tolerance": manifest.golden_tolerance,
        "damaged": tuple(str(path) for path in material.damaged),
        "warnings": (
            *found.warnings,
            *duplicates.warnings(),
            *loadable.untried(manifest.runtimes, settings.min_runtime),
        ),
        "seed": settings.seed,
        "created": manifest.created,
        "data": by_label(material),
        "duplicates": duplicates,
        "provenance": made,
        "files": tuple(str(path) for path in files_beside(out, settings)),
    }


def files_beside(out: Path, settings: Settings) -> tuple[Path, ...]:
    """The report, and the C source and header where they are asked for."""
    suffixes = (".html", ".c", ".h") if settings.c_array else (".html",)
    return tuple(out.with_suffix(suffix) for suffix in suffixes)


def beside(out: Path, settings: Settings, page: bytes, model: str, flatbuffer: bytes) -> dict[Path, bytes]:
    """Name → content. ``page`` is the report as HTML, ``model`` the model's id."""
    name = carray.identifier(model)
    header = out.with_suffix(".h")
    content = [page]
    if settings.c_array:
        content += [carray.source(name, header.name, flatbuffer), carray.header(name, len(flatbuffer))]
    return dict(zip(files_beside(out, settings), content, strict=True))


def by_label(material: ConversionData) -> tuple[LabelReport, ...]:
    """Number of pictures of each label."""
    count = len(material.labels)
    known = np.bincount(material.known.classes, minlength=count).tolist()
    unseen = np.bincount(material.unseen.classes, minlength=count).tolist()
    return tuple(LabelReport(*row) for row in zip(material.labels, known, unseen, strict=True))
