from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.loading.loading import load as load_keras
from converter.preprocessing.conventions import Convention
from converter.quantization.quantize import Graph, to_float
from converter.report.wrap_report import WrapReport
from converter.settings import Settings
from converter.wrapping import wrap
from edge.core.structs import plain
from edge.drift.reference import Reference
from edge.drift.univariate.intervals import wilson
from edge.errors import ArtifactError, ConfigError, ConversionError
from edge.inference.artifact import Artifact
from edge.inference.artifact.manifest import Accuracy
from edge.inference.artifact.stated import read_stated
from edge.inference.model import load
from edge.trust import Trust, admit
from edge.trust.key_files import write_pair
from edge.trust.signing import signed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("tensorflow processes"),
    pytest.mark.usefixtures("quick_runners"),
]

BRIGHT = {"blue": (150, 20, 20), "green": (20, 150, 20), "red": (20, 20, 150)}


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten noisy pictures of each of blue, green and red."""
    folder = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(0)
    for label, bgr in BRIGHT.items():
        (folder / label).mkdir()
        for number in range(10):
            picture = (rng.integers(0, 60, (20, 24, 3)) + np.array(bgr)).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"{number}.png"), picture)
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    labels = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels.write_text("red\ngreen\nblue\n")
    return Settings(labels=labels, range="0..255")


@pytest.fixture(scope="module")
def wrapped(
    colour_model: Path, colours: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, WrapReport]:
    out = tmp_path_factory.mktemp("wrapped") / "colour.tflite"
    return out, wrap(colour_model, colours, out, settings)


def test_it_is_signed_where_there_is_a_key(
    wrapped: tuple[Path, WrapReport], colour_model: Path, colours: Path, settings: Settings, tmp_path: Path
):
    key, out, trust = write_pair(tmp_path / "works.pem"), tmp_path / "colour.tflite", Trust(tmp_path / "trust")
    wrap(colour_model, colours, out, replace(settings, sign=tmp_path / "works.pem"))
    trust.add(key.public)
    assert admit(out, trust).key == key.id
    assert out.read_bytes() == signed(wrapped[0].read_bytes(), key)


def test_a_key_that_cannot_be_used_is_told_of_before_the_work(
    colour_model: Path, colours: Path, settings: Settings, tmp_path: Path
):
    write_pair(tmp_path / "works.pem", b"open sesame")
    with pytest.raises(ConfigError, match="needs a passphrase"):
        wrap(colour_model, colours, tmp_path / "out.tflite", replace(settings, sign=tmp_path / "works.pem"))
    assert not (tmp_path / "out.tflite").exists()


def test_a_quantized_model_becomes_an_artifact_as_it_is(wrapped: tuple[Path, WrapReport], colour_model: Path):
    out, report = wrapped
    artifact = Artifact.load(out)
    manifest = artifact.manifest
    assert manifest is not None
    assert (report.range, report.colour) == ("0..255", "RGB")
    assert artifact.model.endswith(colour_model.read_bytes())
    assert artifact.labels == ("red", "green", "blue")
    assert manifest.accuracy == report.accuracy == Accuracy(15, 1.0)
    assert manifest.evaluation is None
    assert manifest.runtimes == tuple(runtime.platform for runtime in report.runtimes)
    assert artifact.reference is not None
    assert sum(Reference.from_bytes(artifact.reference).classes) == 15
    assert artifact.golden is not None
    assert len(artifact.golden.images) == 3


def test_a_page_and_the_same_facts_as_an_object_stand_beside_it(wrapped: tuple[Path, WrapReport]):
    out, report = wrapped
    judged = report.judgement.model
    page = out.with_suffix(".html").read_text("utf-8")
    assert report.files == (str(out.with_suffix(".html")),)
    assert (judged.accuracy, judged.confusion) == (1.0, ((5, 0, 0), (0, 5, 0), (0, 0, 5)))
    low, high = wilson(15, 15)
    assert f"{100 * low:.1f} – {100 * high:.1f} %" in page
    assert "All 15 pictures are named rightly." in page
    for fact in (*report.labels, report.provenance.data_sha256, report.created, report.runtimes[0].platform):
        assert fact in page
    assert page.count("<figure") == len(report.judgement.uncertain) == 8
    facts = plain(report)
    assert facts["judgement"]["model"]["low"] == low
    assert facts["bytes"] == {
        "model": Path(report.provenance.command.split()[2]).stat().st_size,
        "artifact": out.stat().st_size,
    }


@pytest.fixture(scope="module")
def again(
    wrapped: tuple[Path, WrapReport], colours: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, WrapReport]:
    """The artifact wrapped once more, by another name and on pictures of which six have a wrong label."""
    folder = tmp_path_factory.mktemp("again")
    shutil.copytree(colours, folder / "data")
    for number in range(6):
        (folder / "data" / "red" / f"{number}.png").rename(folder / "data" / "blue" / f"red{number}.png")
    out = folder / "out.tflite"
    return out, wrap(wrapped[0], folder / "data", out, replace(settings, name="second"))


def test_mistakes_are_shown_the_surest_first(again: tuple[Path, WrapReport]):
    out, report = again
    judged = report.judgement
    assert judged.wrong == len(judged.mistakes) > 0
    assert {(one.label, one.named) for one in judged.mistakes} == {("blue", "red")}
    assert [one.score for one in judged.mistakes] == sorted((one.score for one in judged.mistakes), reverse=True)
    page = out.with_suffix(".html").read_text("utf-8")
    assert f"{judged.wrong} of {report.accuracy.samples} pictures are named wrongly" in page
    assert page.count("<figure") == judged.wrong + len(judged.uncertain)


def test_the_device_needs_nothing_but_the_file(wrapped: tuple[Path, WrapReport], colours: Path):
    model = load(wrapped[0])
    for label in BRIGHT:
        picture = cv2.imread(str(colours / label / "0.png")).astype(np.uint8)
        assert model.predict(picture).label == label


def test_metadata_that_is_there_is_replaced(wrapped: tuple[Path, WrapReport], again: tuple[Path, WrapReport]):
    assert read_stated(Artifact.load(wrapped[0]).model).name == "colour"
    assert read_stated(Artifact.load(again[0]).model).name == "second"


def test_what_a_float_model_wants_is_found_and_stated(
    variant: Callable[[Convention], Path], pictures: Path, tmp_path: Path
):
    ready = tmp_path / "ready.tflite"
    keras_model = load_keras(variant(Convention("-1..1", "BGR")))
    ready.write_bytes(to_float(Graph(keras_model, Convention("0..255", "RGB"), "softmax")))
    report = wrap(ready, pictures, tmp_path / "out.tflite")
    assert (report.range, report.colour) == ("-1..1", "BGR")
    assert (report.input.mean, report.input.std, report.input.dtype) == ((127.5,), (127.5,), "float32")
    assert report.accuracy.accuracy == 1.0
    assert len(report.trials) == 8
    paths = [str(pictures / label / "3.png") for label in report.labels]
    model = load(tmp_path / "out.tflite", runtime="litert")
    assert tuple(model.predict(cv2.imread(path)).label for path in paths) == report.labels


def test_a_damaged_file_leaves_nothing(colour_model: Path, colours: Path, tmp_path: Path):
    (tmp_path / "cut.tflite").write_bytes(colour_model.read_bytes()[:700])
    with pytest.raises((ArtifactError, ConversionError), match=r"cut\.tflite: "):
        wrap(tmp_path / "cut.tflite", colours, tmp_path / "out.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["cut.tflite"]


def test_a_ready_model_has_no_onnx(colour_model: Path, colours: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"--onnx: .*colour\.tflite is converted already"):
        wrap(colour_model, colours, tmp_path / "out.tflite", Settings(onnx=True))


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(colour_model: Path, colours: Path, tmp_path: Path):
    command = [sys.executable, "-m", "edge.cli.main", "convert", str(colour_model), "--data", str(colours)]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # noqa: E731
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [*command, "--range", "0..255", "-o", str(tmp_path / "out.tflite")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 8
    assert "cannot be read or written (File too large)" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]
