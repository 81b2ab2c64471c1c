"""Makes ``cookie.tflite``: 64×64 RGB, uint8 in and out, says whether a cookie of the simulated line is bad or whole.

A small network, trained for half a minute. The file is committed so that the device's tests need no TensorFlow; run
this again only to change it.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from edge.inference.artifact.manifest import InputSpec
from edge.inference.preprocess import Preprocessor
from edge.sim import SimulatedLine

SIZE, SEED, PICTURES, HELD_OUT, EPOCHS = 64, 11, 3000, 500, 14
LABELS = ("bad", "whole")


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(n, SIZE, SIZE, 3) RGB as float, and whether each is whole."""
    line = SimulatedLine.from_uri(f"sim://line?seed={SEED}&defects=0.5")
    preprocess = Preprocessor(InputSpec(SIZE, SIZE, 3, "uint8"))
    drawn = [preprocess(line.image(part))[0].copy() for part in range(PICTURES)]
    return np.float32(drawn), np.array([line.truth(part) == "whole" for part in range(PICTURES)])


def build() -> keras.Model:
    keras.utils.set_random_seed(SEED)
    layers = [keras.layers.Input((SIZE, SIZE, 3)), keras.layers.Rescaling(1 / 127.5, offset=-1)]
    for filters, strides in ((12, 2), (12, 1), (20, 2), (20, 1), (32, 2)):
        layers += [
            keras.layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False),
            keras.layers.BatchNormalization(momentum=0.8),
            keras.layers.ReLU(),
        ]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    return keras.Sequential(layers)


def make() -> bytes:
    """The flatbuffer; scale 1.0 and zero point 0 at the input."""
    images, whole = pictures()
    net = build()
    net.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * (PICTURES - HELD_OUT) // 32)),
        "sparse_categorical_crossentropy",
    )
    net.fit(images[:-HELD_OUT], whole[:-HELD_OUT].astype(int), epochs=EPOCHS, batch_size=32, verbose=0)
    right = (net.predict(images[-HELD_OUT:], verbose=0).argmax(axis=1) == whole[-HELD_OUT:]).mean()
    print(f"right on {100 * right:.1f}% of {HELD_OUT} that it has not seen")
    # One picture at a time: the runtime's memory plan must not depend on how many there are.
    one = keras.Input(batch_shape=(1, SIZE, SIZE, 3))
    model = keras.Model(one, net(one))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    converter.representative_dataset = lambda: ([sample[None]] for sample in images[:200])
    return converter.convert()


if __name__ == "__main__":
    Path(__file__).with_name("cookie.tflite").write_bytes(make())
