"""From the float model to TFLite flatbuffers that take a camera's pixels as they are: uint8, 0..255, RGB or grey.

The graph is ``pixels → convention → model`` with a batch of one, so that nothing in it has an open shape. The colour
order is part of the graph: TFLite Metadata knows no BGR, so a file that wanted it would mislead every other reader.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.conventions import Convention
from converter.loading import FloatModel
from converter.operators import refused
from converter.progress import Progress
from converter.quiet import quietly, tensorflow
from converter.scores import Outputs, probabilities
from edge.choices import Activation
from edge.errors import ConversionError
from edge.interpreter import TensorInfo


@dataclass(frozen=True)
class Graph:
    """The model with its preprocessing; ``activation`` says what the model's own outputs mean."""

    model: FloatModel
    convention: Convention
    activation: Activation

    @cached_property
    def module(self) -> Any:
        """A ``tf.Module`` with one signature: ``image`` (1, height, width, channels) float32 0..255 → ``scores``."""
        tf = tensorflow()
        model = self.model
        module = tf.Module()
        module.tracked = [model.variables, model.owner]
        shape = [1, model.height, model.width, model.channels]
        module.serve = tf.function(self._scores, input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])
        return module

    def _scores(self, pixels: Any) -> dict[str, Any]:
        outputs = self.model.call(self.convention.apply(pixels))
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
        """What the graph's outputs are."""
        return "softmax" if self.model.size == 1 else self.activation


def to_float(graph: Graph) -> bytes:
    """The float32 flatbuffer of the same graph. Raises ConversionError."""
    with quietly(f"{graph.model.path} cannot be converted to TFLite"), tempfile.TemporaryDirectory() as folder:
        try:
            return bytes(_converter(graph, Path(folder)).convert())
        except Exception as error:
            raise refused(graph.model.path, str(error)) or error from None


def to_int8(graph: Graph, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """Full-integer int8, weights per channel, calibrated on ``pixels`` (n, height, width, channels).

    The input tensor is uint8 with scale exactly 1.0 and zero point 0: a pixel is the tensor's value. Method: B. Jacob
    et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018.
    Raises ConversionError.
    """
    tf = tensorflow()
    with quietly(f"{graph.model.path} cannot be quantized"), tempfile.TemporaryDirectory() as folder:
        converter = _converter(graph, Path(folder))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _representative(pixels, progress)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        # uint8, not int8: the public readers of image classifiers (TFLite Task Library, MediaPipe) expect it.
        converter.inference_output_type = tf.uint8
        # Dense weights per channel need FULLY_CONNECTED version 12, which tflite-runtime 2.14 does not know.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        return bytes(converter.convert())


def check_input(info: TensorInfo) -> None:
    """Raises ConversionError unless a pixel is the input tensor's value."""
    if (info.dtype, info.scale, info.zero_point) != ("uint8", 1.0, 0):
        raise ConversionError(
            f"the quantized input is {info.dtype} with scale {info.scale} and zero point {info.zero_point}; expected "
            "uint8, 1.0 and 0, so that camera pixels go in as they are"
        )


def _converter(graph: Graph, folder: Path) -> Any:
    tf = tensorflow()
    tf.saved_model.save(graph.module, str(folder), signatures={"serving_default": graph.module.serve})
    return tf.lite.TFLiteConverter.from_saved_model(str(folder))


def _representative(pixels: NDArray[np.uint8], progress: Progress) -> Iterator[list[NDArray[np.float32]]]:
    widest = _widest(pixels)
    for index, picture in enumerate(progress.count(pixels, len(pixels), "calibrated")):
        sample = picture.astype(np.float32)
        if index == widest:
            _stretch(sample)
        yield [sample[None]]


def _widest(pixels: NDArray[np.uint8]) -> int:
    flat = pixels.reshape(len(pixels), -1)
    return int((flat.max(axis=1).astype(int) - flat.min(axis=1)).argmax())


def _stretch(sample: NDArray[np.float32]) -> None:
    """Makes the darkest value of each channel 0 and the brightest 255.

    The calibrator takes the range that it sees as the input's range, and only 0..255 gives scale 1.0. Two pixels of
    one picture disturb the ranges of the layers behind least.
    """
    for channel in range(sample.shape[2]):
        plane = sample[:, :, channel]
        plane.flat[plane.argmin()] = 0.0
        plane.flat[plane.argmax()] = 255.0
