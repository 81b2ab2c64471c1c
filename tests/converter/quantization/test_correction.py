from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.data.dataset import find
from converter.data.samples import PixelSamples, read
from converter.flatbuffer.flat import Flat
from converter.loading.loading import load
from converter.measurement.runner import run
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization.correction import _bias, correct_biases
from converter.quantization.equalize import equalize
from converter.quantization.quantize import Graph, calibrated, to_float, to_int8
from converter.quiet import quietly, tensorflow
from edge.inference.artifact.manifest import InputSpec

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow"), pytest.mark.usefixtures("quick_runners")]


@pytest.fixture(scope="module")
def graph(trained: Path) -> Graph:
    return Graph(load(trained), Convention("0..1", "RGB"), "softmax")


@pytest.fixture(scope="module")
def samples(pictures: Path) -> PixelSamples:
    return read(find(pictures), InputSpec(16, 16, 3, "uint8"), Progress())


def test_a_bias_that_is_wrong_is_put_right(graph: Graph, samples: PixelSamples):
    float_model = to_float(graph)
    quantized = to_int8(calibrated(float_model, samples.pixels, Progress()))
    spoilt = bytearray(quantized)
    for layer in Flat(quantized).steps:
        bias = _bias(spoilt, layer) if layer.kind == "FULLY_CONNECTED" else None
        if bias is not None:
            scale = Flat(quantized).graph.tensors[layer.inputs[2]].quantization.scale[0]
            bias[0] += round(8 / float(scale))
    assert accuracy(bytes(spoilt), samples) < 0.8
    corrected = correct_biases(bytes(spoilt), float_model, samples.pixels, Progress())
    assert len(corrected) == len(quantized)
    assert accuracy(corrected, samples) == pytest.approx(accuracy(quantized, samples), abs=0.02)


def test_biases_beside_int8_weights_are_corrected_in_float():
    """A dense layer of 64 × 64 whose weights TensorFlow stores as int8, and whose bias it leaves in float32."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(192, 64)).astype(np.float32)
    pixels = rng.integers(100, 256, (50, 8, 8, 3)).astype(np.uint8)
    float_model, dynamic = (_dense(weights, optimized) for optimized in (False, True))
    before, after = (
        np.abs((_outputs(model, pixels) - _outputs(float_model, pixels)).mean(axis=0)).mean()
        for model in (dynamic, correct_biases(dynamic, float_model, pixels, Progress()))
    )
    assert after < 0.1 * before


def test_a_graph_that_is_not_the_float_models_stays_as_it_is(graph: Graph, samples: PixelSamples):
    float_model = to_float(graph)
    assert correct_biases(float_model, float_model, samples.pixels, Progress()) == float_model


def test_equalizing_changes_weights_but_not_the_answers(graph: Graph, samples: PixelSamples):
    float_model = to_float(graph)
    even = equalize(float_model, samples.pixels, Progress())
    assert even != float_model
    before, after = (run(model, samples.pixels, "litert", Progress()).outputs for model in (float_model, even))
    np.testing.assert_allclose(after, before, atol=1e-5)


def accuracy(model: bytes, samples: PixelSamples) -> float:
    outputs = run(model, samples.pixels, "litert", Progress()).outputs
    return float((outputs.argmax(axis=1) == samples.classes).mean())


def _outputs(model: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.generic]:
    return run(model, pixels, "litert", Progress()).outputs


def _dense(weights: NDArray[np.float32], optimized: bool) -> bytes:
    tf = tensorflow()
    shape = [1, 8, 8, 3]

    def scores(pixels: Any) -> Any:
        return tf.matmul(tf.reshape(pixels, (1, -1)), weights) + np.ones(weights.shape[1], np.float32)

    with quietly("converting"):
        graph = tf.function(scores, input_signature=[tf.TensorSpec(shape, tf.float32)]).get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimized else []
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        return bytes(converter.convert())
