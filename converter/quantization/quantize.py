"""From the float model to TFLite flatbuffers that take a camera's pixels as they are: uint8, 0..255, RGB or grey.

The graph is ``pixels → convention → model`` with a batch of one, so that nothing in it has an open shape. The colour
order is part of the graph: TFLite Metadata knows no BGR, so a file that wanted it would mislead every other reader.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from converter.data.scores import Outputs, probabilities
from converter.flatbuffer.flat import Flat
from converter.loading import tf_private
from converter.loading.loading import FloatModel
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization.operators import refused
from converter.quiet import quietly, tensorflow
from edge.core.choices import Activation
from edge.errors import ConversionError
from edge.inference.interpreter import TensorInfo

InputDtype = Literal["float32", "uint8"]


@dataclass(frozen=True)
class Graph:
    """The model with its preprocessing; ``activation`` says what the model's own outputs mean."""

    model: FloatModel
    convention: Convention
    activation: Activation

    @cached_property
    def _modules(self) -> dict[InputDtype, Any]:
        return {}

    def module(self, dtype: InputDtype) -> Any:
        """A ``tf.Module`` with one signature: ``image`` (1, height, width, channels) 0..255 → ``scores``.

        Made once, for TensorFlow numbers the names of each further one.
        """
        if dtype not in self._modules:
            self._modules[dtype] = self._module(dtype)
        return self._modules[dtype]

    def _module(self, dtype: InputDtype) -> Any:
        tf = tensorflow()
        model = self.model
        module = tf.Module()
        module.tracked = [model.variables, model.owner]
        shape = [1, model.height, model.width, model.channels]
        module.serve = tf.function(self._scores, input_signature=[tf.TensorSpec(shape, dtype, name="image")])
        return module

    def _scores(self, pixels: Any) -> dict[str, Any]:
        outputs = self.model.call(self.convention.apply(tensorflow().cast(pixels, "float32")))
        return {"scores": self._two(outputs) if self.model.size == 1 else outputs}

    def _two(self, outputs: Any) -> Any:
        """A single score, of the second label, as a pair like any other two classes."""
        tf = tensorflow()
        second = tf.sigmoid(outputs) if self.activation == "logits" else outputs
        return tf.concat([1.0 - second, second], axis=-1)

    def predict(self, pixels: NDArray[np.uint8]) -> Outputs:
        """The float model's class scores, (n, classes), for input tensors (n, height, width, channels)."""
        with quietly(f"{self.model.path} cannot be run"):
            outputs = self.model.predict(pixels, self.convention.apply)
        if self.model.size > 1:
            return outputs
        second = probabilities(outputs)
        return np.concatenate([1 - second, second], axis=1)

    @property
    def scores(self) -> Activation:
        """Kind of scores that the graph puts out."""
        return "softmax" if self.model.size == 1 else self.activation


def to_float(graph: Graph, dtype: InputDtype = "float32") -> bytes:
    """The float32 flatbuffer of the same graph. Raises ConversionError."""
    with _converter(graph, dtype) as converter:
        try:
            return bytes(converter.convert())
        except Exception as error:
            raise refused(graph.model.path, str(error)) or error from None


def to_float16(graph: Graph) -> bytes:
    """Weights in half precision; the runtimes unfold them when they load. Raises ConversionError."""
    tf = tensorflow()
    with _converter(graph, "uint8") as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())


def to_dynamic(graph: Graph) -> bytes:
    """Weights int8, activations float32 (int8 for the moment of a product). Raises ConversionError."""
    tf = tensorflow()
    with _converter(graph, "uint8") as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        tf_private.keep_dense_per_tensor(converter)
        return bytes(converter.convert())


def to_int8(
    calibrated: bytes, kept_float: Sequence[str] = (), output: Literal["uint8", "float32"] = "uint8"
) -> bytes:
    """Full-integer int8, weights per channel, of a float flatbuffer with ranges in it.

    The input tensor is uint8 with scale exactly 1.0 and zero point 0: a pixel is the tensor's value. The output is
    uint8, not int8: the public readers of image classifiers (TFLite Task Library, MediaPipe) expect it. Operators
    whose output tensors are named in ``kept_float`` stay float32. Method: B. Jacob et al., "Quantization and Training
    of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018. Raises ConversionError.
    """
    return tf_private.quantize(calibrated, output, kept_float)


def to_plain_int8(graph: Graph, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """The same by TensorFlow's public converter alone, with the ranges that it sees. Raises ConversionError."""
    tf = tensorflow()
    seen = pixels.copy()
    seen[0, 0, :2] = [[0], [255]]  # the input's range is what it sees, and is to be 0..255
    with _full_integer(graph, seen, tf.lite.OpsSet.TFLITE_BUILTINS_INT8, progress) as converter:
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        return bytes(converter.convert())


def to_int16x8(graph: Graph, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """Activations int16, weights int8; input and output float32, for TFLite has no uint8 with it."""
    kind = tensorflow().lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    with _full_integer(graph, pixels, kind, progress) as converter:
        return bytes(converter.convert())


def calibrated(float_model: bytes, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """The float flatbuffer with the range of each tensor in it; the input's is 0..255, whatever was seen."""
    flat = Flat(tf_private.calibrate(float_model, lambda: representative(pixels, progress)))
    flat.set_range(int(flat.graph.inputs[0]), 0.0, 255.0)
    return flat.to_bytes()


def representative(pixels: NDArray[np.uint8], progress: Progress) -> Iterator[list[NDArray[np.float32]]]:
    """Representative dataset for TensorFlow's calibrator, from ``pixels`` (n, height, width, channels)."""
    for picture in progress.count(pixels, len(pixels), "calibrated"):
        yield [picture[None].astype(np.float32)]


def check_input(info: TensorInfo) -> None:
    """Raises ConversionError unless a pixel is the input tensor's value."""
    plain = info.dtype in ("float32", "uint8") and info.zero_point == 0 and info.scale == 1.0
    if not plain:
        raise ConversionError(
            f"the quantized input is {info.dtype} with scale {info.scale} and zero point {info.zero_point}; expected "
            "uint8, 1.0 and 0, so that camera pixels go in as they are"
        )


@contextmanager
def _full_integer(graph: Graph, pixels: NDArray[np.uint8], operators: Any, progress: Progress) -> Iterator[Any]:
    """The public converter; ``pixels`` calibrate, ``operators`` is the set to keep to."""
    with _converter(graph, "float32") as converter:
        converter.optimizations = [tensorflow().lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: representative(pixels, progress)
        converter.target_spec.supported_ops = [operators]
        tf_private.keep_dense_per_tensor(converter)
        yield converter


@contextmanager
def _converter(graph: Graph, dtype: InputDtype) -> Iterator[Any]:
    tf = tensorflow()
    module = graph.module(dtype)
    with quietly(f"{graph.model.path} cannot be converted to TFLite"), tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
        yield tf.lite.TFLiteConverter.from_saved_model(folder)
