"""Makes ``colour.tflite``: 8×8 RGB, uint8 in and out, says whether red, green or blue prevails. No training.

The file is committed so that the device's tests need no TensorFlow; run this again only to change it.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def make() -> bytes:
    """The flatbuffer; scale 1.0 and zero point 0 at the input."""
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.layers[-1].set_weights([np.eye(3) * 8.0, np.zeros(3)])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    corners = [np.full((1, 8, 8, 3), colour, np.float32) for colour in np.eye(3) * 255]
    mixed = [np.random.default_rng(i).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32) for i in range(20)]
    converter.representative_dataset = lambda: ([sample] for sample in corners + mixed)
    return converter.convert()


if __name__ == "__main__":
    Path(__file__).with_name("colour.tflite").write_bytes(make())
