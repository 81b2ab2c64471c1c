"""Every way to quantize, on every runtime."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from converter.choices import Quantize
from converter.convert import convert
from converter.data.dataset import find
from converter.data.samples import PixelSamples, read
from converter.flatbuffer.repack import slim
from converter.loading.loading import load
from converter.measurement.runner import installed_runtimes, run
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization import recipes
from converter.quantization.modes import Quantizer
from converter.quantization.quantize import Graph
from converter.quantization.sensitivity import Sensitivity, worth_keeping
from converter.report.report import RecipeReport
from converter.settings import Settings
from edge.errors import ConfigError, ConversionError
from edge.inference.artifact import Artifact
from edge.inference.artifact.manifest import InputSpec

pytestmark = pytest.mark.xdist_group("tensorflow")
quick = pytest.mark.usefixtures("quick_runners")


@pytest.fixture(scope="module")
def samples(pictures: Path) -> PixelSamples:
    return read(find(pictures), InputSpec(16, 16, 3, "uint8"), Progress())


@pytest.fixture(scope="module")
def workshop(trained: Path, samples: PixelSamples) -> Quantizer:
    return Quantizer(Graph(load(trained), Convention("0..1", "RGB"), "softmax"), samples.pixels[::2], Progress())


@pytest.mark.slow
@quick
@pytest.mark.parametrize("mode", get_args(Quantize))
def test_each_mode_loads_and_judges_on_each_runtime(workshop: Quantizer, samples: PixelSamples, mode: Quantize):
    model = workshop.make(mode).model
    for runtime in installed_runtimes():
        found = run(model, samples.pixels, runtime, Progress())
        assert (found.outputs.argmax(axis=1) == samples.classes).mean() >= 0.99
        assert found.input.dtype == ("float32" if mode == "int16x8" else "uint8")


@pytest.mark.slow
@quick
def test_slimming_changes_the_size_and_nothing_else(workshop: Quantizer, samples: PixelSamples):
    before = workshop._make("int8")
    after = slim(before)
    assert len(after) < 0.9 * len(before)
    assert slim(before) == after
    one, other = (run(model, samples.pixels, "litert", Progress()) for model in (before, after))
    assert (one.outputs == other.outputs).all()
    assert (one.input, one.output) == (other.input, other.output)


@pytest.mark.slow
@quick
def test_the_error_of_each_layer_is_measured(workshop: Quantizer):
    assert [one.kind for one in workshop.layers] == ["CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"]
    assert all(0 < one.error < 0.05 for one in workshop.layers)
    assert workshop.layers[-1].name in workshop.kept_float


@pytest.mark.slow
@quick
@pytest.mark.parametrize("mode", ["int16x8", "mixed"])
def test_an_artifact_of_another_mode_states_what_it_wants(
    trained: Path, pictures: Path, tmp_path: Path, mode: Quantize
):
    out = tmp_path / "colours.tflite"
    report = convert(trained, pictures, out, Settings(quantize=mode, range="0..1", colour="RGB"))
    manifest = Artifact.load(out).manifest
    assert manifest is not None
    assert manifest.input.dtype == ("float32" if mode == "int16x8" else "uint8")
    assert manifest.output.dtype == "float32"
    assert (report.recipe, report.recipes) == (mode, ())
    assert len(report.runtimes) == len(installed_runtimes())


@pytest.mark.slow
@quick
def test_the_lightest_recipe_within_the_target_is_taken(trained: Path, pictures: Path, tmp_path: Path):
    report = convert(
        trained, pictures, tmp_path / "out.tflite", Settings(target_drop=0.5, range="0..1", colour="RGB")
    )
    assert report.recipe == "int8"
    assert {one.recipe for one in report.recipes} == set(get_args(Quantize))
    assert not any(one.fault for one in report.recipes)
    assert all(one.latency_ms > 0 for one in report.recipes)
    assert "int8 (full-integer int8) is the lightest" in report.choice
    assert report.choice in report.summary()


def recipe(name: Quantize, drop: float, fault: str = "") -> RecipeReport:
    return RecipeReport(name, 1000, 0.9, 0.95, 1.0, drop=drop, fault=fault)


def test_a_recipe_that_loses_too_much_or_does_not_run_is_passed_over():
    tried = [recipe("int8", 0.9), recipe("mixed", 0.0, fault="no such op"), recipe("dynamic", 0.5)]
    chosen = recipes.lightest(tried, 0.5)
    assert chosen.recipe == "dynamic"
    said = recipes.explain(tried, chosen, 0.5, 200)
    assert "int8 +0.9, mixed does not run" in said
    assert "0.50 points" in said
    with pytest.raises(ConversionError, match=r"--target-drop 0\.1: no recipe keeps to it \(int8 \+0\.9"):
        recipes.lightest(tried, 0.1)


def test_a_target_that_cannot_be_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"--target-drop -1: expected points of accuracy"):
        Settings(target_drop=-1).check(tmp_path / "out.tflite")


def test_the_few_layers_that_make_half_of_the_error_are_kept():
    weights = 1000
    errors = [0.1, 0.9, 0.2, 0.1, 0.05]
    layers = [Sensitivity(str(i), "CONV_2D", error, weights // 100) for i, error in enumerate(errors)]
    layers += [Sensitivity("big", "CONV_2D", 2.0, weights), Sensitivity("softmax", "SOFTMAX", 0.01, 0)]
    kept = worth_keeping(layers)
    assert "softmax" in kept
    assert "big" not in kept
    assert kept[1] == "1"
    assert np.all([name in kept for name in ("1", "2")])
