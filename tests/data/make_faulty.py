"""Makes ``faulty/*.tflite``: 8×8 RGB, float32 in and out, say which of red, green and blue prevails, and misbehave.

    plain    as it should be
    refuses  cannot be run any more from its 61st run on
    slow     takes some hundred times as long as it needs

Models that end their process or stall are no files: see ``tests/support/delegate.c``.

The files are committed so that tests need no TensorFlow; run this again only to change them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

RUNS = 60
OUT = Path(__file__).with_name("faulty")


class Model(tf.Module):
    """``fault`` is given how often the model ran and the picture, and returns a number that is added, nearly 0."""

    def __init__(self, fault: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> None:
        super().__init__()
        self.runs = tf.Variable(0.0, trainable=False)
        self.fault = fault

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32)])
    def __call__(self, picture: tf.Tensor) -> tf.Tensor:
        self.runs.assign_add(1.0)
        scores = tf.nn.softmax(tf.reduce_mean(picture, (1, 2)) * (8.0 / 255.0))
        return scores + self.fault(self.runs.read_value(), picture)


def _well(runs: tf.Tensor, picture: tf.Tensor) -> tf.Tensor:
    return runs * 1e-9


def _refuses(runs: tf.Tensor, picture: tf.Tensor) -> tf.Tensor:
    """GATHER does look."""
    return tf.gather(tf.constant([0.0, 1e-9, 2e-9, 3e-9]), tf.reshape(_place(runs), (1,)))


def _place(runs: tf.Tensor) -> tf.Tensor:
    """0, and far away after so many runs."""
    return tf.cast(tf.nn.relu(runs - RUNS) * 5e8, tf.int32)


def _slow(runs: tf.Tensor, picture: tf.Tensor) -> tf.Tensor:
    wide = tf.image.resize(picture / 255.0, (192, 192), "nearest")
    wide = tf.nn.conv2d(wide, tf.fill((3, 3, 3, 32), 1e-3), 1, "SAME")
    for seed in range(2):
        kernel = np.random.default_rng(seed).normal(0, 1e-3, (3, 3, 32, 32))
        wide = tf.nn.relu(tf.nn.conv2d(wide, tf.constant(kernel, tf.float32), 1, "SAME"))
    return tf.reduce_mean(wide) * 1e-9


def make(fault: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> bytes:
    """The flatbuffer."""
    model = Model(fault)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.__call__.get_concrete_function()], model)
    converter.experimental_enable_resource_variables = True
    return converter.convert()


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    faults = {"plain": _well, "refuses": _refuses, "slow": _slow}
    for name, fault in faults.items():
        (OUT / f"{name}.tflite").write_bytes(make(fault))
