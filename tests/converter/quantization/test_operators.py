from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from converter.loading.loading import load
from converter.preprocessing.conventions import Convention
from converter.quantization.operators import check_builtin, operators
from converter.quantization.quantize import Graph, to_float
from converter.quiet import quietly, tensorflow
from edge.errors import ConversionError

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_every_operator_of_a_model_is_known_by_name(colour_model: Path):
    found = list(operators(colour_model.read_bytes()))
    assert found
    assert all(operator.builtin and operator.kind.isupper() and operator.version >= 1 for operator in found)
    check_builtin(colour_model, colour_model.read_bytes())


@pytest.fixture(scope="module")
def spectral() -> Any:
    """A model with a layer that TFLite's builtin operators cannot do."""
    tf = tensorflow()
    import keras

    class Spectrum(keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return tf.math.real(tf.signal.fft2d(tf.cast(values, tf.complex64)))

    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.GlobalAveragePooling2D()(Spectrum(name="spectrum")(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(hidden), name="odd")


@pytest.mark.slow
def test_a_layer_beyond_the_builtin_operators_is_named(spectral: Any):
    graph = Graph(load(spectral), Convention("0..255", "RGB"), "logits")
    with pytest.raises(ConversionError, match=r"^odd: layer 'spectrum' needs the operator FFT2D, .*; replace"):
        to_float(graph)


@pytest.mark.slow
def test_a_ready_model_with_flex_operators_is_refused(spectral: Any, tmp_path: Path):
    tf = tensorflow()
    graph = Graph(load(spectral), Convention("0..255", "RGB"), "logits")
    with quietly("converting"):
        module = graph.module("float32")
        tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        flatbuffer = bytes(converter.convert())
    with pytest.raises(ConversionError, match=r"flex\.tflite: layer 'spectrum' needs the operator FlexFFT2D"):
        check_builtin(Path("flex.tflite"), flatbuffer)
