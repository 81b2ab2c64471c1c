from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converter.conventions import Convention
from converter.correction import _logits_layer, correct_bias
from converter.dataset import find
from converter.loading import load
from converter.progress import Progress
from converter.quantize import Graph, to_float, to_int8
from converter.runner import run
from converter.samples import Samples, read
from edge.artifact.manifest import InputSpec

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graph(trained: Path) -> Graph:
    return Graph(load(trained), Convention("0..1", "RGB"), "softmax")


@pytest.fixture(scope="module")
def samples(pictures: Path) -> Samples:
    return read(find(pictures), InputSpec(16, 16, 3, "uint8"), Progress())


def test_a_bias_that_is_wrong_is_put_right(graph: Graph, samples: Samples):
    float_model, quantized = to_float(graph), to_int8(graph, samples.pixels, Progress())
    spoilt = bytearray(quantized)
    layer = _logits_layer(spoilt)
    assert layer is not None
    assert layer.bias is not None
    layer.bias[0] += round(8 / float(layer.bias_scale[0]))
    assert accuracy(bytes(spoilt), samples) < 0.8
    corrected = correct_bias(bytes(spoilt), float_model, samples.pixels, Progress())
    assert len(corrected) == len(quantized)
    assert accuracy(corrected, samples) == pytest.approx(accuracy(quantized, samples), abs=0.02)


@pytest.mark.thirdparty
def test_a_model_without_a_dense_layer_at_its_end_stays_as_it_is(shared_data: Path):
    model = (shared_data / "tflite_ok" / "mobilenet_v1_0.25_128_quant.tflite").read_bytes()
    assert correct_bias(model, model, np.zeros((1, 128, 128, 3), np.uint8), Progress()) == model


def accuracy(model: bytes, samples: Samples) -> float:
    outputs = run(model, samples.pixels, "litert", Progress()).outputs
    return float((outputs.argmax(axis=1) == samples.classes).mean())
