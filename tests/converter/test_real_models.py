"""Models and pictures by others, end to end."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from converter.choices import ConverterRange, Quantize
from converter.convert import convert
from converter.data.conversion_data import gather
from converter.data.dataset import find
from converter.data.samples import PixelSamples, read
from converter.loading.loading import FloatModel, load
from converter.measurement import evaluate
from converter.measurement.measuring import output_spec
from converter.measurement.runner import installed_runtimes, run
from converter.preprocessing.conventions import Convention
from converter.preprocessing.preprocessing import search
from converter.preprocessing.preprocessing_search import find_preprocessing
from converter.progress import Progress
from converter.quantization.modes import Quantizer
from converter.quantization.quantize import Graph
from converter.report.report import ConversionReport
from converter.settings import Settings
from edge.core.choices import Colour
from edge.inference.artifact import Artifact
from edge.inference.artifact.manifest import InputSpec
from edge.inference.frames.frame import Image
from edge.inference.model import load as load_model
from tests.support.kept import digest, kept
from tests.support.real_models import ALIENS, label_crops, train_on

pytestmark = [
    pytest.mark.slow,
    pytest.mark.thirdparty,
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.usefixtures("quick_runners"),
]

CLASSES = 10


@pytest.fixture(scope="module")
def resnet(shared_data: Path) -> Path:
    """MLPerf Tiny's image classifier, trained on CIFAR-10; wants 0..255 RGB, 32×32."""
    return shared_data / "models" / "mlcommons_tiny" / "pretrainedResnet.h5"


@pytest.fixture(scope="module")
def crops(shared_data: Path, resnet: Path) -> Path:
    """Real photographs, cropped and labelled by the float model itself where it is sure: CIFAR-10 is not at hand."""
    sources = [shared_data / name for name in ("tflite_ok", "aliens", "video")]
    return kept("crops", partial(label_crops, shared_data, resnet), digest(resnet, *sources))


@pytest.fixture(scope="module")
def aliens_model(shared_data: Path) -> Path:
    """Tells normal from anomalous aliens; wants 0..1 RGB, 96×96."""
    return kept("aliens.keras", partial(train_on, shared_data / "aliens"), digest(shared_data / "aliens"))


def test_a_cifar_resnet_keeps_its_accuracy(resnet: Path, crops: Path, tmp_path: Path):
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{index}\n" for index in range(CLASSES)))
    report = convert(resnet, crops, tmp_path / "resnet.tflite", Settings(labels=labels))
    assert (report.range, report.colour) == ("0..255", "RGB")
    assert report.evaluation.samples > 200
    assert report.evaluation.accuracy_float - report.evaluation.accuracy_quantized <= 0.01
    assert report.bytes.quantized < 0.35 * report.bytes.float
    assert Artifact.load(tmp_path / "resnet.tflite").labels[9] == "9"


@pytest.fixture(scope="module")
def converted(
    shared_data: Path, aliens_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ConversionReport, Artifact]:
    out = tmp_path_factory.mktemp("aliens") / "aliens.tflite"
    return convert(aliens_model, shared_data / "aliens", out), Artifact.load(out)


def test_a_cnn_on_aliens_keeps_its_accuracy(converted: tuple[ConversionReport, Artifact]):
    report, artifact = converted
    assert artifact.manifest is not None
    assert not report.warnings
    assert (artifact.manifest.input.resize, artifact.manifest.input.interpolation) == ("stretch", "mipmap")
    assert (report.range, report.colour, report.labels) == ("0..1", "RGB", ("anomaly", "normal"))
    assert report.evaluation.accuracy_float > 0.9
    assert report.evaluation.accuracy_float - report.evaluation.accuracy_quantized <= 0.01


@pytest.mark.parametrize(
    "wrong",
    [lambda image: image[:, :, ::-1], lambda image: image // 2, lambda image: image // 255],
    ids=["colour order", "half the scale", "0..1"],
)
def test_a_device_that_feeds_it_wrongly_cannot_reproduce_the_golden_samples(
    converted: tuple[ConversionReport, Artifact], wrong: Callable[[Image], Image]
):
    report, artifact = converted
    golden, model = artifact.golden, load_model(artifact.path, runtime="litert")
    assert golden is not None
    gaps = []
    for image, output in zip(golden.images, golden.outputs, strict=True):
        assert (model.raw(image) == output).all()
        gaps.append(np.abs(model.raw(np.ascontiguousarray(wrong(image))).astype(int) - output).max())
    assert max(gaps) > 10 * report.golden_tolerance


@pytest.fixture(scope="module")
def aliens(shared_data: Path) -> PixelSamples:
    return read(find(shared_data / "aliens"), InputSpec(ALIENS, ALIENS, 3, "uint8"), Progress())


@pytest.fixture(scope="module")
def aliens_float(aliens_model: Path) -> FloatModel:
    return load(aliens_model)


@pytest.fixture(scope="module")
def aliens_workshop(aliens_float: FloatModel, aliens: PixelSamples) -> Quantizer:
    return Quantizer(Graph(aliens_float, Convention("0..1", "RGB"), "softmax"), aliens.pixels[::2], Progress())


@pytest.mark.parametrize("mode", get_args(Quantize))
def test_every_mode_keeps_the_accuracy_on_every_runtime(
    aliens_workshop: Quantizer, aliens: PixelSamples, mode: Quantize
):
    """The network is small and its pixels are far from zero, so rounded weights shift the mean of every layer."""
    by_float = aliens_workshop.graph.predict(aliens.pixels)
    model = aliens_workshop.make(mode).model
    for runtime in installed_runtimes():
        found = run(model, aliens.pixels, runtime, Progress())
        scores = evaluate.scores(found, output_spec(found, "softmax"))
        kept = evaluate.compare(aliens.classes, by_float.argmax(axis=1), scores.argmax(axis=1))
        assert kept.accuracy_float - kept.accuracy_quantized <= 0.01, runtime
        assert kept.agreement >= 0.98
        assert np.abs(scores - by_float).mean() < 0.02


@pytest.mark.parametrize(("value_range", "colour"), [("0..1", "BGR"), ("0..255", "RGB"), ("-1..1", "RGB")])
def test_a_wrong_preprocessing_shows(
    aliens: PixelSamples, aliens_float: FloatModel, value_range: ConverterRange, colour: Colour
):
    (tried,) = search(aliens_float, aliens, value_range, colour, Progress())
    assert tried.accuracy < 0.7


@pytest.mark.parametrize(
    ("settings", "doubt"),
    [
        (
            Settings(range="0..1", colour="BGR"),
            r"0\.\.1 BGR was given, but 0\.\.1 RGB finds significantly more labels again",
        ),
        (
            Settings(range="0..255", colour="RGB"),
            r"0\.\.255 RGB was given, but 0\.\.1 RGB finds .* check --range and --colour",
        ),
        (
            Settings(range="0..1", resize="crop"),
            r"crop mipmap was given, but stretch mipmap finds significantly more",
        ),
    ],
    ids=["colour", "range", "resize"],
)
def test_what_is_given_wrongly_is_doubted(
    shared_data: Path, aliens_float: FloatModel, settings: Settings, doubt: str
):
    said = io.StringIO()
    material = gather(aliens_float, shared_data / "aliens", settings, Progress())
    found, _ = find_preprocessing(aliens_float, material, settings, Progress(said))
    assert re.search(doubt, "; ".join(found.warnings))
    assert "warning: " in said.getvalue()
