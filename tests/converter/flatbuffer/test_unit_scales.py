from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from converter.flatbuffer.flat import BuiltinOperator, Flat, FlatOperator
from converter.flatbuffer.unit_scales import unit_scales
from converter.loading.loading import load
from converter.measurement.runner import installed_runtimes, run
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization.modes import Quantizer, Variant
from converter.quantization.quantize import Graph
from converter.quiet import tensorflow

pytestmark = pytest.mark.xdist_group("tensorflow")

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (24, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def made() -> Variant:
    """A small network of what real ones are made of: ReLU6, separable convolutions, a shortcut, two branches."""
    tensorflow()
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((16, 16, 3))
    first = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6", bias_initializer="normal")(inputs)
    deep = layers.DepthwiseConv2D(3, padding="same", activation="relu", bias_initializer="normal")(first)
    deep = layers.Conv2D(8, 1, bias_initializer="normal")(deep)
    joined = layers.Add()([first, deep])
    narrow, wide = (layers.Conv2D(n, 1, activation="relu", bias_initializer="normal")(joined) for n in (4, 12))
    both = layers.MaxPooling2D()(layers.Concatenate()([narrow, wide]))
    last = layers.Conv2D(16, 3, padding="same", activation="sigmoid", bias_initializer="normal")(both)
    last = layers.Conv2D(6, 1, bias_initializer="normal")(last)
    scores = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(last))
    graph = Graph(load(keras.Model(inputs, scores)), Convention("0..1", "RGB"), "softmax")
    return Quantizer(graph, PIXELS, Progress()).make("int8")


@pytest.fixture(scope="module")
def before(made: Variant) -> Flat:
    return Flat(made.named)


@pytest.fixture(scope="module")
def after(made: Variant) -> Flat:
    flat = Flat(made.named)
    unit_scales(flat)
    return flat


@pytest.mark.slow
def test_weights_and_bias_share_their_scales_wherever_the_input_can_have_a_scale_of_one(before: Flat, after: Flat):
    def shared(flat: Flat) -> list[bool]:
        layers = [
            one for one in flat.operators if one.code in (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D)
        ]
        return [flat.scales(one.inputs[1]).tobytes() == flat.scales(one.inputs[2]).tobytes() for one in layers]

    # The first layer's input are pixels, so its scale is 1 already. The depthwise layer's belongs to the sum, too,
    # where another tensor saves more, and a sigmoid's scale is given.
    assert shared(before) == [True, False, False, False, False, False, False]
    assert shared(after) == [True, False, True, True, True, True, False]


@pytest.mark.slow
def test_only_scales_change_and_no_ratio_of_them_does(before: Flat, after: Flat):
    for one, other in zip(before.graph.tensors, after.graph.tensors, strict=True):
        assert before.model.buffers[one.buffer].data is None or np.array_equal(
            before.model.buffers[one.buffer].data, after.model.buffers[other.buffer].data
        )
    ratios = list(zip(_ratios(before), _ratios(after), strict=True))
    assert len(ratios) > 10
    for one, other in ratios:
        np.testing.assert_allclose(one, other, rtol=3e-7)


@pytest.mark.slow
def test_a_bias_has_the_scale_that_the_specification_asks_for(after: Flat):
    for one in after.operators:
        if one.weighed and one.inputs[2] >= 0:
            product = after.scales(one.inputs[0]) * after.scales(one.inputs[1])
            np.testing.assert_allclose(after.scales(one.inputs[2]), product, rtol=3e-7)


@pytest.mark.slow
def test_pictures_and_scores_keep_their_scales(before: Flat, after: Flat):
    for index in (int(before.graph.inputs[0]), int(before.graph.outputs[0])):
        assert (before.scales(index) == after.scales(index)).all()


@pytest.mark.slow
def test_a_relu6_that_ends_where_the_integers_end_is_a_relu(before: Flat, after: Flat):
    relu, relu6 = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6
    assert [one.fused for one in before.operators].count(relu6) == 1
    assert [one.fused for one in after.operators].count(relu6) == 0
    assert next(one.fused for one in after.operators if one.code == BuiltinOperator.CONV_2D) == relu
    tensor = next(one.output for one in before.operators if one.fused == relu6)
    again = Flat(before.to_bytes())
    again.set_scales(tensor, np.array([0.05], np.float32))
    unit_scales(again)
    assert again.operators[1].fused == relu6


@pytest.mark.slow
def test_every_runtime_answers_the_same(made: Variant):
    for runtime in installed_runtimes():
        one, other = (run(model, PIXELS, runtime, Progress()) for model in (made.named, made.model))
        assert np.abs(one.outputs.astype(int) - other.outputs).max() <= 2
        assert (one.outputs != other.outputs).mean() < 0.1


def _ratios(flat: Flat) -> Iterator[NDArray[np.float64]]:
    """All that the arithmetic of the layers knows of scales."""
    for one in flat.operators:
        sources = [flat.scales(tensor) for tensor in flat.moving(one)]
        result = flat.scales(one.output).astype(np.float64)
        if one.weighed:
            yield sources[0] * flat.scales(one.inputs[1]) / result
        elif _linear(one):
            yield from (source / result for source in sources)


def _linear(one: FlatOperator) -> bool:
    return one.code not in (BuiltinOperator.LOGISTIC, BuiltinOperator.SOFTMAX)
