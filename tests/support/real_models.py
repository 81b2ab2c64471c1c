"""A model trained on pictures by others, and pictures labelled by a model of others.

A module of its own: what it makes is kept between runs while its source stays (``tests/support/kept.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.loading.loading import load
from converter.preprocessing.conventions import Convention
from converter.quiet import quietly, tensorflow

ALIENS = 96
"""Height and width of what the model of aliens takes."""
SURE = 0.7
CROPS = 26
"""Of each photograph; the model is sure of a third of them, and half of those evaluate."""


def label_crops(shared_data: Path, resnet: Path, folder: Path) -> None:
    """Writes crops of photographs into a folder for each class, where MLPerf Tiny's classifier is sure of it."""
    pictures = np.stack(list(_crops(shared_data)))
    scores = load(resnet).predict(pictures[..., ::-1], Convention("0..255", "RGB").apply)
    for number in np.flatnonzero(scores.max(axis=1) >= SURE):
        label = folder / str(scores[number].argmax())
        label.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(label / f"{number}.png"), pictures[number])


def _crops(shared_data: Path) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    for picture in _photographs(shared_data):
        height, width = picture.shape[:2]
        for _ in range(CROPS):
            side = int(min(height, width) * rng.uniform(0.2, 1.0))
            top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
            crop = picture[top : top + side, left : left + side]
            yield cv2.resize(crop, (32, 32), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _photographs(shared_data: Path) -> Iterator[NDArray[np.uint8]]:
    for path in [*sorted(shared_data.glob("tflite_ok/*.jpg")), *sorted(shared_data.glob("aliens/*/*.png"))[::6]]:
        yield cv2.imread(str(path)).astype(np.uint8)
    for path in sorted(shared_data.glob("video/*.mp4")):
        video = cv2.VideoCapture(str(path))
        frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        for number in range(0, frames, frames // 6):
            video.set(cv2.CAP_PROP_POS_FRAMES, number)
            good, picture = video.read()
            if good:
                yield picture.astype(np.uint8)


def train_on(folder: Path, out: Path) -> None:
    """Trains a small network to tell normal from anomalous aliens: 0..1 RGB."""
    tensorflow()
    import keras

    paths = [*sorted(folder.glob("anomaly/*.png")), *sorted(folder.glob("normal/*.png"))]
    area = cv2.INTER_AREA
    pixels = np.stack([cv2.resize(cv2.imread(str(path)), (ALIENS, ALIENS), interpolation=area) for path in paths])
    truth = np.array([path.parent.name == "normal" for path in paths], np.int64)
    inputs = pixels[..., ::-1] / np.float32(255)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([keras.Input((ALIENS, ALIENS, 3))])
    for filters in (16, 32, 64):
        model.add(layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(2, activation="softmax"))
    epochs = 40
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * 8)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    with quietly("training"):
        both_ways = np.concatenate([inputs, inputs[:, :, ::-1]])
        model.fit(both_ways, np.concatenate([truth, truth]), epochs=epochs, batch_size=32, verbose=0)
    model.save(out)
