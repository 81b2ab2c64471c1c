"""What the report adds to the artifact: the proof that it is as good as the model it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter import carray
from converter.duplicates import Duplicates, find_duplicates
from converter.layers import LayerReport, layer_errors
from converter.loading import FloatModel
from converter.material import Material
from converter.measuring import Measured, run_float
from converter.modes import Made
from converter.page import render
from converter.parity import Parity, compare
from converter.progress import Progress
from converter.provenance import Provenance, provenance
from converter.quantize import Graph
from converter.report import LabelReport, Report
from converter.samples import join
from converter.settings import Settings


@dataclass(frozen=True)
class Proof:
    parity: Parity
    layers: tuple[LayerReport, ...]
    duplicates: Duplicates
    data: tuple[LabelReport, ...]
    float_latency_ms: float
    provenance: Provenance


def prove(
    graph: Graph,
    float_model: bytes,
    quantized: Made,
    material: Material,
    measured: Measured,
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
        data=_by_label(material),
        float_latency_ms=latency,
        provenance=made,
    )


def origin(model: FloatModel, data: Path, out: Path, settings: Settings, material: Material) -> Provenance:
    samples = join(material.known, material.unseen)
    if model.file is None:
        return provenance(Path(f"{model.path}.keras"), data, out, settings, samples, model.variables)
    return provenance(model.file, data, out, settings, samples)


def files_beside(out: Path, settings: Settings) -> tuple[Path, ...]:
    """The report, and the C source and header where they are asked for."""
    suffixes = (".html", ".c", ".h") if settings.c_array else (".html",)
    return tuple(out.with_suffix(suffix) for suffix in suffixes)


def beside(out: Path, settings: Settings, report: Report, flatbuffer: bytes) -> dict[Path, bytes]:
    """Name → content."""
    name = carray.identifier(report.model)
    header = out.with_suffix(".h")
    content = [render(report)]
    if settings.c_array:
        content += [carray.source(name, header.name, flatbuffer), carray.header(name, len(flatbuffer))]
    return dict(zip(files_beside(out, settings), content, strict=True))


def _by_label(material: Material) -> tuple[LabelReport, ...]:
    count = len(material.labels)
    known = np.bincount(material.known.classes, minlength=count).tolist()
    unseen = np.bincount(material.unseen.classes, minlength=count).tolist()
    return tuple(LabelReport(*row) for row in zip(material.labels, known, unseen, strict=True))
