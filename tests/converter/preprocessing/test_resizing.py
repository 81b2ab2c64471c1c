from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from converter.data.conversion_data import gather
from converter.loading.loading import load
from converter.preprocessing.conventions import Convention
from converter.preprocessing.preprocessing import Trial
from converter.preprocessing.preprocessing_search import find_preprocessing
from converter.preprocessing.resizing import ResizeRule, choose_rule, rule_doubts
from converter.progress import Progress
from converter.quiet import tensorflow
from converter.settings import Settings

pytestmark = pytest.mark.xdist_group("tensorflow")

COUNT = 100
STRETCH, CROP, LETTERBOX = ResizeRule(), ResizeRule("crop"), ResizeRule("letterbox")


def tried(rule: ResizeRule, right: int) -> tuple[ResizeRule, Trial]:
    outputs = np.zeros((COUNT, 2), np.float32)
    return rule, Trial(Convention("0..1", "RGB"), outputs, np.arange(COUNT) < right)


def test_stretch_is_taken_unless_another_rule_is_proved():
    assert choose_rule([tried(STRETCH, 90), tried(CROP, 93)], Settings()) == STRETCH
    assert choose_rule([tried(STRETCH, 70), tried(CROP, 93), tried(LETTERBOX, 95)], Settings()) == LETTERBOX


def test_the_more_rules_are_tried_the_more_proof_is_asked():
    # Eight pictures more: p = 0.0078, below 1 % but above a fifth of it.
    others = [ResizeRule(*words) for words in (("stretch", "linear"), ("crop", "linear"), ("letterbox", "linear"))]
    assert choose_rule([tried(STRETCH, 90), tried(CROP, 98)], Settings()) == CROP
    many = [tried(STRETCH, 90), tried(CROP, 98), *(tried(rule, 50) for rule in others)]
    assert choose_rule(many, Settings()) == STRETCH


def test_a_rule_that_is_given_is_taken_and_doubted():
    found = [tried(STRETCH, 60), tried(CROP, 95)]
    assert choose_rule(found, Settings(resize="stretch")) == STRETCH
    (doubt,) = rule_doubts(found, STRETCH)
    assert (
        "stretch mipmap was given, but crop mipmap finds significantly more labels again (95.0% against 60.0%"
        in doubt
    )
    assert not rule_doubts(found, CROP)


def test_without_a_difference_there_is_nothing_to_choose():
    assert choose_rule([], Settings(interpolation="linear")) == ResizeRule("stretch", "linear")


def in_the_middle(grey: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Three times as wide as high; only the middle third says what it is."""
    picture = rng.integers(0, 256, 3).astype(np.uint8).repeat(20)[None].repeat(20, axis=0)
    picture[:, 20:40] = grey
    return picture


def all_over(grey: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.full((20, 60), grey, np.uint8) + rng.integers(0, 9, (20, 60)).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "draw", "threshold"),
    # Letterboxed, a wide picture is two thirds black.
    [("crop", in_the_middle, 0.5), ("letterbox", all_over, 0.5 / 3), ("stretch", all_over, 0.5)],
)
def test_the_rule_that_a_real_model_was_made_for_is_found(
    tmp_path: Path, rule: str, draw: Callable[[int, np.random.Generator], NDArray[np.uint8]], threshold: float
):
    rng = np.random.default_rng(0)
    for label, low in (("dark", 0), ("light", 140)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(60):
            picture = draw(int(rng.integers(low, low + 100)), rng)
            cv2.imwrite(str(tmp_path / "data" / label / f"{number}.png"), picture)
    brightness_model(threshold).save(tmp_path / "model.keras")
    model = load(tmp_path / "model.keras")
    settings = Settings(range="0..1")
    material = gather(model, tmp_path / "data", settings, Progress())
    found, resized = find_preprocessing(model, material, settings, Progress())
    assert found.rule == ResizeRule(rule)  # type: ignore[arg-type]
    assert (resized.spec.resize, len(resized.known)) == (rule, len(material.known))
    assert found.best.accuracy > 0.95


def brightness_model(threshold: float) -> Any:
    """Dark or light by the mean of a grey picture, 0..1."""
    tensorflow()
    import keras

    inputs = keras.Input((8, 8, 1))
    dense = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(inputs)))
    dense.set_weights([np.array([[60.0]]), np.array([-60.0 * threshold])])
    return model
