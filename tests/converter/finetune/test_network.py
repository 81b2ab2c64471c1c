"""The differentiable graph computes what TFLite computes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter.choices import ConverterRange
from converter.finetune.network import TrainableNetwork, check
from converter.finetune.operations import OPERATIONS
from converter.finetune.rounding import Rounding
from converter.flatbuffer.flat import BuiltinOperator, Flat, TensorProbe
from converter.loading.loading import load
from converter.preprocessing.conventions import Convention
from converter.quantization.quantize import Graph, to_float
from converter.quiet import quietly, tensorflow
from edge.core.choices import Colour
from edge.errors import ConversionError
from tests.support.kept import ROOT, digest, kept

pytestmark = pytest.mark.xdist_group("tensorflow")

SHAPE = (1, 8, 8, 4)
RNG = np.random.default_rng(0)


def weights(*shape: int) -> Any:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def graphs() -> dict[str, Callable[[Any, Any], Any]]:
    """``graph(tf, values)`` for each operator; those with several forms have several."""
    return {
        "CONV_2D": lambda tf, x: tf.nn.relu6(tf.nn.conv2d(x, weights(3, 3, 4, 6), 2, "SAME") + weights(6)),
        "CONV_2D dilated": lambda tf, x: tf.nn.conv2d(x, weights(3, 3, 4, 6), 1, "VALID", dilations=2),
        "CONV_2D in groups": lambda tf, x: tf.nn.conv2d(x, weights(3, 3, 2, 6), 1, "SAME"),
        "DEPTHWISE_CONV_2D": lambda tf, x: tf.nn.depthwise_conv2d(x, weights(3, 3, 4, 2), [1, 2, 2, 1], "SAME"),
        "FULLY_CONNECTED": lambda tf, x: tf.nn.relu(tf.matmul(tf.reshape(x, (1, 256)), weights(256, 5)) + weights(5)),
        "ADD": lambda tf, x: x + tf.nn.max_pool2d(x, 3, 1, "SAME"),
        "SUB": lambda tf, x: weights(4) - x,
        "MUL": lambda tf, x: x * tf.sigmoid(x),
        "MAX_POOL_2D": lambda tf, x: tf.nn.max_pool2d(x, 3, 2, "VALID"),
        "AVERAGE_POOL_2D": lambda tf, x: tf.nn.avg_pool2d(x, 3, 2, "SAME"),
        "MEAN": lambda tf, x: tf.reduce_mean(x, (1, 2), keepdims=True),
        "PAD": lambda tf, x: tf.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0))),
        "RESHAPE": lambda tf, x: tf.reshape(x, (1, 16, 16)),
        "TRANSPOSE": lambda tf, x: tf.transpose(x, (0, 3, 1, 2)),
        "CONCATENATION": lambda tf, x: tf.concat([x, tf.tanh(x)], -1),
        "SOFTMAX": lambda tf, x: tf.nn.softmax(x),
        "LOGISTIC": lambda tf, x: tf.sigmoid(x),
        "TANH": lambda tf, x: tf.tanh(x),
        "RELU": lambda tf, x: tf.nn.relu(x),
        "RELU6": lambda tf, x: tf.nn.relu6(x),
        "LEAKY_RELU": lambda tf, x: tf.nn.leaky_relu(x, 0.3),
        "HARD_SWISH": lambda tf, x: x * tf.nn.relu6(x + np.float32(3)) * np.float32(1 / 6),
    }


def converted(graph: Callable[[Any, Any], Any]) -> Flat:
    tf = tensorflow()
    with quietly("converting"):
        function = tf.function(lambda x: graph(tf, x), input_signature=[tf.TensorSpec(SHAPE, tf.float32)])
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
        return Flat(bytes(converter.convert()))


def by_tflite(flat: Flat, pictures: Any) -> Any:
    probe = TensorProbe(flat, [int(flat.graph.outputs[0])])
    return np.concatenate([probe(picture)[0] for picture in pictures])


def by_tensorflow(flat: Flat, pictures: Any) -> Any:
    network = TrainableNetwork(flat, Rounding())
    return network(pictures.astype(np.float32))[network.scores].numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", graphs())
def test_each_operator_computes_what_tflite_computes(name: str):
    flat = converted(graphs()[name])
    kinds = {one.kind for one in flat.operators}
    assert name.split()[0] in kinds
    pictures = RNG.normal(size=(3, *SHAPE[1:])).astype(np.float32) * 2
    np.testing.assert_allclose(by_tensorflow(flat, pictures), by_tflite(flat, pictures), atol=1e-4)


def test_no_operator_is_untried():
    assert {getattr(BuiltinOperator, name.split()[0]) for name in graphs()} == set(OPERATIONS)


@pytest.mark.slow
def test_an_operator_that_is_not_known_is_named():
    flat = converted(lambda tf, x: tf.image.resize(x, (16, 16)))
    with pytest.raises(ConversionError, match="has the operator RESIZE_BILINEAR; --quantize works without"):
        check(flat)


def _make_float(path: Path, convention: Convention, out: Path) -> None:
    out.write_bytes(to_float(Graph(load(path), convention, "softmax")))


@pytest.mark.slow
@pytest.mark.thirdparty
@pytest.mark.parametrize(
    ("name", "scale", "colour"),
    [
        ("mlcommons_tiny/pretrainedResnet.h5", "0..255", "RGB"),
        ("mlcommons_tiny/vww_96.h5", "0..1", "RGB"),
        ("fer/emotion_model.hdf5", "-1..1", "GRAY"),
    ],
)
def test_a_real_model_answers_as_in_tflite(shared_data: Path, name: str, scale: ConverterRange, colour: Colour):
    path = shared_data / "models" / name
    facts = (scale, colour, digest(path, *sorted((ROOT / "converter").rglob("*.py"))))
    made = kept(f"{path.stem}.tflite", partial(_make_float, path, Convention(scale, colour)), *facts)
    flat = Flat(made.read_bytes())
    pictures = RNG.integers(0, 256, (4, *flat.shape(int(flat.graph.inputs[0]))[1:])).astype(np.uint8)
    np.testing.assert_allclose(by_tensorflow(flat, pictures), by_tflite(flat, pictures), atol=1e-4)
