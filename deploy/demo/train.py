"""Trains the small example model: ``python -m deploy.demo.train IMAGES OUT.keras``.

A plain Keras model such as an engineer would bring; it takes RGB pixels 0 to 255 and rescales them itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from converter.quiet import tensorflow
from edge.inference.artifact.manifest import InputSpec
from edge.inference.frames import capture
from edge.inference.preprocess import Preprocessor

if TYPE_CHECKING:
    import keras

SIZE = 96
EPOCHS = 10


def read(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Pictures (n, SIZE, SIZE, 3) RGB, class indices (n,), labels in sorted order."""
    preprocess = Preprocessor(InputSpec(SIZE, SIZE, 3, "uint8"))
    labels = sorted(path.name for path in folder.iterdir() if path.is_dir())
    pictures, classes = [], []
    for frame in capture(str(folder)):
        if frame.image is not None and frame.truth is not None:
            pictures.append(preprocess(frame.image)[0].copy())
            classes.append(labels.index(frame.truth))
    return np.asarray(pictures, np.uint8), np.asarray(classes), labels


def build(classes: int) -> keras.Model:
    """Some 60,000 parameters: a millisecond in int8."""
    import keras

    layers: list[Any] = [
        keras.layers.Input((SIZE, SIZE, 3)),
        keras.layers.Rescaling(1 / 127.5, offset=-1),
    ]
    for filters, strides in ((16, 2), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)):
        layers += [
            keras.layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False),
            # The default momentum of 0.99 is for long trainings; this one has a few hundred steps.
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    layers += [
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(classes, activation="softmax"),
    ]
    return keras.Sequential(layers)


def train(folder: Path, out: Path) -> float:
    """Trains on nine tenths, keeps the best by the last tenth, and returns the accuracy there."""
    tensorflow()
    import keras

    keras.utils.set_random_seed(7)
    pictures, classes, labels = read(folder)
    order = np.random.default_rng(7).permutation(len(pictures))
    held_out, kept = order[: len(order) // 10], order[len(order) // 10 :]
    model = build(len(labels))
    steps = EPOCHS * (len(kept) // 32)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    held = (pictures[held_out], classes[held_out])
    history = model.fit(
        _flipped(pictures[kept]),
        classes[kept],
        epochs=EPOCHS,
        batch_size=32,
        validation_data=held,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=_show)],
    )
    model.save(out)
    return float(history.history["val_accuracy"][-1])


def _flipped(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half of the pictures mirrored: cookies have no left and right."""
    mirrored = pictures.copy()
    mirrored[::2] = mirrored[::2, :, ::-1]
    return mirrored


def _show(epoch: int, logs: dict[str, float]) -> None:
    accuracy = logs.get("val_accuracy", 0.0)
    sys.stderr.write(f"\r  epoch {epoch + 1:2d} of {EPOCHS}, accuracy on held-out pictures {accuracy:.3f}")
    sys.stderr.flush()


def main() -> int:
    accuracy = train(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stderr.write(f"\r  accuracy on held-out pictures {accuracy:.3f}" + " " * 20 + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
