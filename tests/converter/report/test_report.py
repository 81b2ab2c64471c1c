"""One conversion of a model and pictures with vicious names: the report as a page, as JSON and as figures."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from converter.convert import convert
from converter.quiet import tensorflow
from converter.report.page import render
from converter.report.report import ConversionReport, PrunedLayer, PruningReport, RecipeReport, TuningReport
from converter.settings import Settings
from edge.inference.artifact import Artifact

SCRIPT = "<script>alert(1)</script>"
LABELS = (SCRIPT, '"light" & bright')

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow"), pytest.mark.usefixtures("quick_runners")]


@dataclass(frozen=True)
class Converted:
    out: Path
    data: Path
    model: Path
    report: ConversionReport


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """A grey model that is too coarse for int8 to judge every picture as float does."""
    folder = tmp_path_factory.mktemp("report")
    data = _pictures(folder)
    _model().save(folder / "model.keras")
    out = folder / "out.tflite"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        report = convert(folder / "model.keras", data, out, Settings(range="0..1", c_array=True))
    return Converted(out, data, folder / "model.keras", report)


def test_the_report_stands_beside_the_artifact(converted: Converted):
    assert converted.report.files == tuple(str(converted.out.with_suffix(s)) for s in (".html", ".c", ".h"))
    assert all(Path(name).stat().st_size > 100 for name in converted.report.files)
    assert sorted(path.suffix for path in converted.out.parent.glob("*out.*")) == [".c", ".h", ".html", ".tflite"]


def test_the_page_needs_nothing_else_and_runs_nothing(converted: Converted):
    page = converted.out.with_suffix(".html").read_text("utf-8")
    tags = _Tags(page)
    assert "script" not in tags.names
    assert "link" not in tags.names
    assert tags.references
    assert all(reference.startswith("data:image/jpeg;base64,") for reference in tags.references)
    assert not re.search(r"url\(|@import", page)


def test_names_are_shown_as_they_are(converted: Converted):
    page = converted.out.with_suffix(".html").read_text("utf-8")
    assert SCRIPT not in page
    assert "<script" not in page
    text = _Tags(page).text
    assert all(label in text for label in LABELS)


def test_every_fact_is_on_the_page(converted: Converted):
    report, text = converted.report, _Tags(render(converted.report).decode()).text
    for model in report.parity.models:
        assert f"{model.name}{model.accuracy:.1%}{100 * model.low:.1f} – {100 * model.high:.1f} %" in text
    for layer in report.layers:
        assert f"{layer.sqnr_db:.1f} dB" in text
    for fact in (report.provenance.command, report.provenance.data_sha256, report.created, *report.damaged):
        assert fact in text
    for runtime in report.runtimes:
        assert runtime.platform in text


def test_recipes_are_shown_where_several_were_tried(converted: Converted):
    rows = (RecipeReport("int8", 1000, 0.9, 0.95, 1.5, chosen=True), RecipeReport("float16", 2000, 0.91, 1.0, 2.5))
    text = _Tags(render(replace(converted.report, recipes=rows)).decode()).text
    assert "int8 taken1.0 kB 90.0%95.0%1.50 ms" in text
    assert "float162.0 kB 91.0%100.0%2.50 ms" in text
    assert "Recipes" not in _Tags(render(converted.report).decode()).text


def test_what_training_did_is_shown(converted: Converted):
    pruning = PruningReport(0.5, (PrunedLayer("conv", "CONV_2D", 216, 110),), 1000, 1500)
    tuning = TuningReport(20, 100, 20, 0.006, 0.004, 0.95, 0.975, taken=True, pruning=pruning)
    report = replace(converted.report, tuning=tuning)
    text = _Tags(render(report).decode()).text
    assert "with taken0.40097.5%" in text
    assert "convCONV_2D21650.9%" in text
    assert "scores off by 0.40 points, without 0.60, agreement 97.5%, without 95.0%" in report.summary()
    assert "50.9% of the weights are zero; compressed 1.0 kB, without pruning 1.5 kB" in report.summary()
    rejected = replace(converted.report, tuning=replace(tuning, taken=False, pruning=None))
    assert "no better, so it was not taken" in rejected.summary()
    assert "what ships is without it" in _Tags(render(rejected).decode()).text


def test_the_same_input_and_seed_give_the_same_bytes(converted: Converted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = {suffix: converted.out.with_suffix(suffix).read_bytes() for suffix in (".tflite", ".c", ".h")}
    again = convert(converted.model, converted.data, converted.out, Settings(range="0..1", c_array=True))
    assert {suffix: converted.out.with_suffix(suffix).read_bytes() for suffix in before} == before
    assert _timeless(again) == _timeless(converted.report)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")  # leaves out what was timed
    assert render(again) == render(converted.report)


def test_three_models_are_compared_on_the_same_pictures(converted: Converted):
    report = converted.report
    keras, tflite, quantized = report.parity.models
    assert keras.accuracy == report.evaluation.accuracy_float
    assert quantized.accuracy == report.evaluation.accuracy_quantized
    assert report.parity.agreements[0].agreement == 1.0
    assert keras.confusion == tflite.confusion
    assert report.parity.agreements[1].agreement == report.evaluation.agreement
    different = [one for one in report.parity.disagreements if one.differs]
    assert len(different) == report.parity.judged_differently
    assert sum(map(sum, quantized.confusion)) == report.evaluation.samples


def test_layers_are_compared_by_name(converted: Converted):
    layers = converted.report.layers
    assert layers[-1].name == "scores"
    assert {layer.operator for layer in layers} >= {"FULLY_CONNECTED"}
    assert all(10 < layer.sqnr_db < 200 for layer in layers)


def test_the_c_array_is_the_flatbuffer_without_the_zip(converted: Converted):
    text = converted.out.with_suffix(".c").read_text()
    numbers = re.findall(r"0x([0-9a-f]{2})", text)
    assert bytes.fromhex("".join(numbers)) == Artifact.load(converted.out).model
    assert len(numbers) == converted.report.bytes.quantized < converted.report.bytes.artifact


class _Tags(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.references: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.references += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def _timeless(report: ConversionReport) -> ConversionReport:
    runtimes = tuple(replace(runtime, latency_ms=0.0) for runtime in report.runtimes)
    return replace(report, runtimes=runtimes, float_latency_ms=0.0)


def _pictures(folder: Path) -> Path:
    """A list of wide grey pictures, some of them near the boundary, and one that is damaged."""
    rng = np.random.default_rng(0)
    lines = ["path,label"]
    for number in range(80):
        grey = int(rng.integers(110, 146))
        picture = np.clip(rng.normal(grey, 8, (9, 17)), 0, 255).astype(np.uint8)
        name = f"{SCRIPT.replace('/', '')}{number}.png"
        cv2.imwrite(str(folder / name), picture)
        lines.append(f'"{name}","{LABELS[int(picture.mean() > 128)].replace(chr(34), chr(34) * 2)}"')
    (folder / f"{SCRIPT[:8]}.png").write_bytes(b"no picture")
    lines.append(f'{SCRIPT[:8]}.png,"{LABELS[0]}"')
    (folder / "list.csv").write_text("\n".join(lines), "utf-8")
    return folder / "list.csv"


def _model() -> Any:
    """Dark or light by the mean of a grey picture, 0..1."""
    tensorflow()
    import keras

    inputs = keras.Input((8, 8, 1))
    dense = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(inputs)))
    dense.set_weights([np.array([[20.0]]), np.array([-10.0 - 0.5 * 20 / 255])])
    return model
