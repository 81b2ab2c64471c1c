"""A model judges pictures, on both runtimes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ArtifactError, ConfigError
from edge.inference.artifact.describe import Given
from edge.inference.frames.frame import Image
from edge.inference.interpreter import usable_runtimes
from edge.inference.model import REFUSALS_MOST, load, verify_golden
from edge.inference.tasks.classification import ClassificationRule

RUNTIMES = [runtime.name for runtime in usable_runtimes()]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("colour", ["red", "green", "blue"])
def test_the_colour_is_named(
    artifact: Path, picture: Callable[..., Image], tried: Callable[..., Path], runtime: str, colour: str
) -> None:
    decision = load(artifact, runtime=runtime, state=tried(runtime)).predict(picture(colour, 33, 71))  # type: ignore[arg-type]
    assert decision.label == colour
    assert decision.score == pytest.approx(decision.scores.max())
    assert decision.scores.sum() == pytest.approx(1.0, abs=0.02)
    assert not decision.reject


def test_rejected_are_the_labels_of_the_rule_and_what_scores_too_low(
    artifact: Path, picture: Callable[..., Image], tried: Callable[..., Path]
) -> None:
    model = load(artifact, rule=ClassificationRule(frozenset({"red"}), min_score=0.9), state=tried())
    assert model.predict(picture("red")).reject
    assert not model.predict(picture("green")).reject
    grey = np.full((8, 8, 3), 128, np.uint8)
    assert model.predict(grey).score < 0.9
    assert model.predict(grey).reject


def test_an_artifact_with_swapped_colour_order_fails_its_golden_samples(
    tmp_path: Path, make_artifact: Callable[..., bytes], tried: Callable[..., Path]
) -> None:
    path = tmp_path / "swapped.tflite"
    path.write_bytes(make_artifact(colour="BGR"))
    with pytest.raises(ArtifactError, match=r"golden samples come out .* steps apart"):
        load(path, state=tried())


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_golden_samples_are_reproduced_on_every_runtime(
    artifact: Path, tried: Callable[..., Path], runtime: str
) -> None:
    assert verify_golden(load(artifact, runtime=runtime, state=tried(runtime))) <= 8  # type: ignore[arg-type]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_a_runtime_keeps_of_its_refusals_does_not_grow_for_months(
    faulty: Callable[..., Path], picture: Callable[..., Image], runtime: str
) -> None:
    model = load(faulty("refuses"), runtime=runtime)  # type: ignore[arg-type]
    longest = refusals = 0
    for _ in range(4 * REFUSALS_MOST):
        try:
            model.predict(picture("red"))
        except ArtifactError as error:
            refusals += 1
            longest = max(longest, len(str(error.__context__)))
    assert refusals > 3 * REFUSALS_MOST
    assert longest < 200 * REFUSALS_MOST


def test_the_number_of_labels_must_fit(
    tmp_path: Path, make_artifact: Callable[..., bytes], tried: Callable[..., Path]
) -> None:
    path = tmp_path / "labels.tflite"
    path.write_bytes(make_artifact(labels=("red", "green")))
    with pytest.raises(ArtifactError, match="2 labels for 3 classes"):
        load(path, state=tried())


def test_a_foreign_model_must_be_told_what_it_does_not_state(colour_model: Path, tried: Callable[..., Path]) -> None:
    with pytest.raises(ArtifactError, match="does not state its colour order"):
        load(colour_model, state=tried())
    with pytest.raises(ArtifactError, match="does not state its value range"):
        load(colour_model, given=Given(colour="RGB"), state=tried())


def test_a_foreign_model_runs_with_what_is_given(
    colour_model: Path, tmp_path: Path, picture: Callable[..., Image], tried: Callable[..., Path]
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("rot\ngrün\nblau\n", "utf-8")
    model = load(colour_model, given=Given(labels, "RGB", "0..255"), state=tried())
    assert model.predict(picture("green")).label == "grün"
    assert model.description.origins["labels"] == "given"
    assert model.description.origins["resize"] == "assumed"


def test_what_the_artifact_states_cannot_be_given_again(artifact: Path, tried: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="states it itself"):
        load(artifact, given=Given(colour="BGR"), state=tried())


@pytest.mark.thirdparty
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_real_photographs_are_named_by_a_real_foreign_model(shared_data: Path, runtime: str) -> None:
    import cv2

    model = load(shared_data / "tflite_ok" / "mobilenet_v1_0.25_128_quant.tflite", runtime=runtime)  # type: ignore[arg-type]
    image = cv2.imread(str(shared_data / "tflite_ok" / "parrot.jpg"))
    assert model.predict(image).label == "macaw"


@pytest.mark.thirdparty
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_malformed_model_is_one_clear_error(shared_data: Path, runtime: str) -> None:
    files = [path for path in sorted((shared_data / "tflite_bad").iterdir()) if path.suffix in (".bin", ".tflite")]
    assert len(files) == 19
    for path in files:
        with pytest.raises(ArtifactError) as caught:
            load(path, runtime=runtime, given=Given(colour="RGB", range="0..255"))  # type: ignore[arg-type]
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)


@pytest.mark.thirdparty
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tflite_ok/okay_nabu.tflite", "expected one picture"),
        ("tflite_bad/zero_size_constant.bin", "expected one picture"),
        (
            "tflite_ok/mobilenet_v1_0.25_128_quant_edgetpu.tflite",
            r"compiled for the Edge TPU; give its delegate \(libedgetpu.so.1\)",
        ),
    ],
)
def test_a_model_that_is_no_image_classifier_here_says_what_was_expected(
    shared_data: Path, name: str, said: str
) -> None:
    with pytest.raises(ArtifactError, match=said):
        load(shared_data / name, given=Given(colour="RGB", range="0..255"))
