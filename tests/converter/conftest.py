"""A tiny real Keras model, trained once, and labelled pictures that it can tell apart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from converter.preprocessing.conventions import Convention
from converter.quiet import quietly, tensorflow
from edge.inference.frames.frame import Image
from tests.support.kept import kept

# Least value of the blue, green and red noise. Dark and light differ in nothing but the scale.
LABELS = {"blue": (90, 0, 0), "dark": (0, 0, 0), "light": (120, 120, 120), "red": (0, 0, 90)}
SIZE = 16


@pytest.fixture(scope="session")
def paint() -> Callable[[str, int], Image]:
    """``paint("red", seed)``: a noisy picture, 20×24, BGR, as the label says."""
    return _paint


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of each of blue, dark, light and red; one more of red is damaged."""
    folder = tmp_path_factory.mktemp("pictures")
    for label in LABELS:
        (folder / label).mkdir()
        for seed in range(20):
            cv2.imwrite(str(folder / label / f"{seed}.png"), _paint(label, seed))
    (folder / "red" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDRnot really")
    (folder / "LICENSE").write_text("beside the folders, passed over")
    return folder


@pytest.fixture(scope="module")
def quick_runners(runner_python: Path) -> Iterator[None]:
    """The children in which models run are forked; other processes start as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(runner_python))
        yield


@pytest.fixture(scope="session")
def variant(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Convention], Path]:
    """The trained model, rewritten so that it wants its pixels by another convention and answers the same."""
    folder = tmp_path_factory.mktemp("variants")

    def make(convention: Convention) -> Path:
        path = folder / f"{convention.range}_{convention.colour}.keras".replace("..", "to")
        if not path.exists():
            _rewrite(_load(trained), convention).save(path)
        return path

    return make


@pytest.fixture(scope="session")
def trained() -> Path:
    """Tells the four labels apart; wants 0..1 RGB."""
    return kept("colours.keras", _train)


def _paint(label: str, seed: int) -> Image:
    rng = np.random.default_rng([list(LABELS).index(label), seed])
    return (rng.integers(0, 120, (20, 24, 3)) + np.array(LABELS[label])).astype(np.uint8)


def _load(path: Path) -> Any:
    tensorflow()
    import keras

    return keras.models.load_model(path, compile=False)


def _train(path: Path) -> None:
    tensorflow()
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(LABELS), activation="softmax"),
        ]
    )
    pixels = np.stack([cv2.resize(_paint(label, seed), (SIZE, SIZE)) for label in LABELS for seed in range(100, 160)])
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    with quietly("training"):
        model.fit(pixels[..., ::-1] / 255.0, np.repeat(range(len(LABELS)), 60), epochs=40, verbose=0)
    model.save(path)


def _rewrite(model: Any, convention: Convention) -> Any:
    """``first(x) = w·x + b`` of 0..1 RGB becomes the same function of pixels by ``convention``."""
    first = model.layers[0]
    weights, bias = first.get_weights()
    matrix, offset = convention.matrix()
    # x = pixel / 255, and pixel = (wanted - offset) · matrix⁻¹.
    back = np.linalg.inv(matrix.astype(np.float64)) / 255.0
    turned = np.einsum("hwic,ji->hwjc", weights, back)
    first.set_weights([turned, bias - np.einsum("hwjc,j->c", turned, offset)])
    return model
