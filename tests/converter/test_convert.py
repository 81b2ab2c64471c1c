from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from converter.convert import convert
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quiet import quietly, tensorflow
from converter.report.report import ConversionReport
from converter.settings import Settings
from edge.core.package import install_hint
from edge.drift.reference import Reference
from edge.errors import ConfigError, ConversionError
from edge.inference.artifact import Artifact
from edge.inference.artifact.manifest import InputSpec
from edge.inference.frames.frame import Image
from edge.inference.interpreter import Runtime, usable_runtimes
from edge.inference.model import load

EPOCH = "1700000000"
LABELS = ("blue", "dark", "light", "red")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("tensorflow processes"),
    pytest.mark.usefixtures("quick_runners"),
]


@pytest.fixture(scope="module")
def wanted(variant: Callable[[Convention], Path]) -> Path:
    """A model that wants −1..1 BGR."""
    return variant(Convention("-1..1", "BGR"))


@pytest.fixture(scope="module")
def converted(
    wanted: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ConversionReport, str]:
    """The artifact, the report and the progress lines."""
    out = tmp_path_factory.mktemp("converted") / "colours.tflite"
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        report = convert(wanted, pictures, out, progress=Progress(said))
    return out, report, said.getvalue()


def test_the_preprocessing_is_found_and_the_accuracy_kept(converted: tuple[Path, ConversionReport, str]):
    _, report, said = converted
    assert (report.range, report.colour) == ("-1..1", "BGR")
    assert report.evaluation.accuracy_float - report.evaluation.accuracy_quantized <= 0.01
    assert report.evaluation.samples == 40
    assert [Path(path).name for path in report.damaged] == ["broken.png"]
    assert "-1..1 BGR" in said
    assert "broken.png" in said


def test_camera_pixels_go_in_as_they_are(converted: tuple[Path, ConversionReport, str]):
    manifest = Artifact.load(converted[0]).manifest
    assert manifest is not None
    assert manifest.input == InputSpec(16, 16, 3, "uint8", 1.0, 0, "RGB")


@pytest.mark.parametrize("runtime", usable_runtimes(), ids=lambda runtime: runtime.name)
def test_the_artifact_judges_pictures_on_every_runtime(
    converted: tuple[Path, ConversionReport, str], paint: Callable[[str, int], Image], runtime: Runtime
):
    # In a process of its own: tflite-runtime breaks where TensorFlow was imported first.
    folder = converted[0].parent
    for label in LABELS:
        cv2.imwrite(str(folder / f"{label}.png"), paint(label, 999))
    paths = [str(folder / f"{label}.png") for label in LABELS]
    command = [sys.executable, "-m", "edge.cli.main", "predict", str(converted[0]), *paths, "--json"]
    done = subprocess.run([*command, "--runtime", runtime.name], capture_output=True, text=True, check=True)
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == list(LABELS)


def test_the_artifact_carries_all_that_belongs_to_it(converted: tuple[Path, ConversionReport, str]):
    out, report, _ = converted
    artifact = Artifact.load(out)
    assert artifact.labels == LABELS
    assert artifact.stated.labels_file == "labels.txt"
    assert artifact.manifest is not None
    assert artifact.manifest.evaluation == report.evaluation
    assert artifact.manifest.min_runtime == artifact.stated.min_runtime != ""
    assert artifact.reference is not None
    reference = Reference.from_bytes(artifact.reference)
    assert sum(reference.classes) == 40
    assert artifact.golden is not None
    assert len(artifact.golden.images) == 3
    assert report.bytes.artifact == out.stat().st_size


def test_the_golden_samples_tell_when_colours_are_swapped(converted: tuple[Path, ConversionReport, str]):
    model = load(converted[0], runtime="litert")
    golden, manifest = model.artifact.golden, model.artifact.manifest
    assert golden is not None
    assert manifest is not None
    changes = []
    for image, output in zip(golden.images, golden.outputs, strict=True):
        assert (model.raw(image) == output).all()
        swapped = model.raw(np.ascontiguousarray(image[:, :, ::-1]))
        changes.append(np.abs(swapped.astype(int) - output).max())
    assert max(changes) > 10 * manifest.golden_tolerance


def test_a_grey_saved_model_with_one_logit_becomes_two_scores(tmp_path: Path):
    tensorflow()
    import keras

    rng = np.random.default_rng(0)
    for label, low in (("dark", 0), ("light", 100)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(10):
            picture = rng.integers(low, low + 156, (12, 12, 3)).astype(np.uint8)
            cv2.imwrite(str(tmp_path / "data" / label / f"{number}.png"), picture)
    inputs = keras.Input((8, 8, 1))
    dense = keras.layers.Dense(1)
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(inputs)))
    dense.set_weights([np.array([[20.0]]), np.array([-10.0])])
    with quietly("saving"):
        model.export(tmp_path / "saved", verbose=False)
    report = convert(tmp_path / "saved", tmp_path / "data", tmp_path / "grey.tflite", Settings(range="0..1"))
    artifact = Artifact.load(tmp_path / "grey.tflite")
    assert artifact.manifest is not None
    assert (artifact.manifest.input.colour, artifact.manifest.output.size) == ("GRAY", 2)
    assert report.evaluation.accuracy_quantized == report.evaluation.agreement == 1.0


def test_a_model_in_memory_becomes_the_same_artifact(
    converted: tuple[Path, ConversionReport, str],
    wanted: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    tensorflow()
    import keras

    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    model = keras.models.load_model(wanted, compile=False)
    report = convert(model, pictures, tmp_path / "colours.tflite")
    assert report.evaluation == converted[1].evaluation
    assert f"{model.name}.keras" in report.provenance.command
    assert (tmp_path / "colours.tflite").read_bytes() == converted[0].read_bytes()


def test_a_failed_conversion_leaves_what_was_there(wanted: Path, pictures: Path, tmp_path: Path):
    out = tmp_path / "out.tflite"
    out.write_bytes(b"old")
    wrong = tmp_path / "labels.txt"
    wrong.write_text("blue\ndark\nlight\nred\nyellow\n")
    with pytest.raises(ConversionError, match=r"5 labels \(blue, .*, yellow\) for a model with 4 classes"):
        convert(wanted, pictures, out, Settings(labels=wrong))
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.txt", "out.tflite"]


def test_settings_that_cannot_be_are_refused_at_once(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"--name 'a/b'"):
        convert(tmp_path, tmp_path, tmp_path / "out.tflite", Settings(name="a/b"))
    with pytest.raises(ConfigError, match=r"--calibration 0"):
        convert(tmp_path, tmp_path, tmp_path / "out.tflite", Settings(calibration=0))
    with pytest.raises(ConversionError, match=r"no folder"):
        convert(tmp_path, tmp_path, tmp_path / "absent" / "out.tflite")


def edge_convert(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli.main", "convert", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def test_the_command_prints_one_object_and_no_noise(wanted: Path, pictures: Path, tmp_path: Path):
    done = edge_convert(wanted, "--data", pictures, "-o", tmp_path / "my model.tflite", "--json", "--range=-1..1")
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    assert (facts["model"], facts["colour"]) == ("my-model", "BGR")
    assert [model["name"] for model in facts["parity"]["models"]] == ["Keras", "TFLite float32", "TFLite int8"]
    assert facts["files"] == [str(tmp_path / "my model.html")]
    assert "--range=-1..1" in facts["provenance"]["command"]
    known = (
        "loading",
        "reading",
        "finding",
        "calibrating",
        "making",
        "running",
        "comparing",
        "checking",
        "warning",
        "  ",
    )
    assert all(line.startswith(known) for line in done.stderr.splitlines()), done.stderr


def test_the_command_says_what_is_missing_without_tensorflow(wanted: Path, pictures: Path, tmp_path: Path):
    (tmp_path / "tensorflow.py").write_text("raise ModuleNotFoundError(\"No module\", name='tensorflow')")
    done = edge_convert(wanted, "--data", pictures, "-o", tmp_path / "x.tflite", PYTHONPATH=str(tmp_path))
    assert done.returncode == 10
    assert done.stderr.splitlines()[-1] == f"edge: tensorflow is not installed; {install_hint('converter')}"
