"""All that the converter uses of TensorFlow beyond its public API, in one place.

Better int8 needs the steps of TensorFlow's quantizer one by one: the ranges that calibration saw, to change them; and
the quantization of a flatbuffer, to give it the changed one. Only functions without a promise give these; they are
those of the version that this package pins. Where one is missing, ``missing`` says so, and int8 is made by the public
converter alone (``quantize.to_plain_int8``).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.quiet import tensorflow
from edge.errors import ConversionError

VERSION = "2.21.0"
"""The TensorFlow that has all of it."""

CALIBRATOR = "tensorflow.lite.python.optimize.calibrator"
CONVERT = "tensorflow.lite.python.convert"

Representative = Callable[[], Iterator[list[NDArray[np.float32]]]]


def missing() -> str:
    """Sentence that says which private parts this TensorFlow lacks; empty when it has all."""
    try:
        _calibrator()
        _mlir_quantize()
    except ConversionError as error:
        return str(error)
    return ""


def calibrate(float_model: bytes, representative: Representative) -> bytes:
    """The flatbuffer with the range of each tensor in it. Raises ConversionError."""
    calibrator = _calibrator()
    native = calibrator.Calibrator(calibrator.add_intermediate_tensors(float_model), [], [])
    return bytes(native.calibrate(representative))


def quantize(calibrated: bytes, output: str, kept_float: Sequence[str]) -> bytes:
    """Full-integer int8 of a flatbuffer with ranges in it, uint8 in, ``output`` (a dtype) out.

    Operators whose output tensors are named in ``kept_float`` stay float32. Raises ConversionError.
    """
    tf = tensorflow()
    try:
        quantized = _mlir_quantize()(
            calibrated,
            input_data_type=tf.uint8,
            output_data_type=tf.as_dtype(output),
            denylisted_nodes=list(kept_float) or None,
            # Dense weights per channel need FULLY_CONNECTED version 12, which tflite-runtime 2.14 does not know.
            disable_per_channel_for_dense_layers=True,
        )
    except TypeError as error:  # other arguments than ours
        raise _lacking(f"{CONVERT}.mlir_quantize", str(error)) from None
    return bytes(quantized)


def keep_dense_per_tensor(converter: Any) -> None:
    """Does the same for the public converter: versions before 2.17 always do so, and have no such attribute."""
    name = "_experimental_disable_per_channel_quantization_for_dense_layers"
    if hasattr(converter, name):
        setattr(converter, name, True)


def _calibrator() -> Any:
    return _module(CALIBRATOR, "Calibrator", "add_intermediate_tensors")


def _mlir_quantize() -> Any:
    return _module(CONVERT, "mlir_quantize").mlir_quantize


def _module(name: str, *needed: str) -> Any:
    tensorflow()
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise _lacking(name, str(error)) from None
    for attribute in needed:
        if not hasattr(module, attribute):
            raise _lacking(name, f"it has no {attribute}")
    return module


def _lacking(what: str, why: str) -> ConversionError:
    return ConversionError(
        f"TensorFlow {tensorflow().__version__} has no usable {what} ({why}); TensorFlow {VERSION} has it: "
        f"pip install tensorflow-cpu=={VERSION}"
    )
