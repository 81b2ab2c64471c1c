"""Takes the systematic part of the quantization error out of the class logits.

Rounded weights shift the mean of every layer's outputs a little, and the shifts add up: in small networks with batch
normalization and global pooling they can exceed the difference between two classes. The last layer's bias, int32, can
absorb them at no cost at run time. Method: the empirical bias correction of M. Nagel et al., "Data-Free Quantization
Through Weight Equalization and Bias Correction", ICCV 2019, on the last layer only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from converter.progress import Progress
from converter.quiet import quietly

PICTURES = 100
"""The mean of the error is known well enough after these."""

_PASSED = (
    schema.BuiltinOperator.QUANTIZE,
    schema.BuiltinOperator.DEQUANTIZE,
    schema.BuiltinOperator.SOFTMAX,
    schema.BuiltinOperator.LOGISTIC,
)
"""What only rescales or normalizes the logits."""


def correct_bias(quantized: bytes, float_model: bytes, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """The quantized flatbuffer with a better bias in its last layer, or as it was where it has no such layer.

    ``pixels``: (n, height, width, channels), input tensors; both flatbuffers are of the same graph.
    """
    edited = bytearray(quantized)
    layer, reference = _logits_layer(edited), _logits_layer(bytearray(float_model))
    if layer is None or reference is None or layer.bias is None:
        return quantized
    pictures = pixels[:PICTURES]
    with quietly("the int8 model cannot be run"):
        error = _mean_logits(quantized, layer, pictures, progress)
        error -= _mean_logits(float_model, reference, pictures, progress)
    layer.bias[:] -= np.round(error / layer.bias_scale).astype(np.int32)
    return bytes(edited)


@dataclass(frozen=True)
class _Layer:
    """The dense layer whose outputs are the class logits."""

    output: int
    """Tensor index."""
    scale: float
    zero_point: int
    bias: NDArray[np.int32] | None
    """A view into the flatbuffer; None where the layer has no int32 bias of its own."""
    bias_scale: NDArray[np.float64]


def _logits_layer(flatbuffer: bytearray) -> _Layer | None:
    model = schema.Model.GetRootAs(flatbuffer, 0)
    graph = model.Subgraphs(0)
    operator = _producer(model, graph)
    if operator is None:
        return None
    scales, zero_points = _quantization(graph.Tensors(operator.Outputs(0)))
    bias, bias_scales = None, np.ones(1)
    if operator.InputsLength() > 2 and operator.Inputs(2) >= 0:
        tensor = graph.Tensors(operator.Inputs(2))
        bias, (bias_scales, _) = _own_integers(model, graph, tensor), _quantization(tensor)
    return _Layer(operator.Outputs(0), float(scales[0]), int(zero_points[0]), bias, bias_scales)


def _producer(model: Any, graph: Any) -> Any | None:
    """The dense layer behind the graph's output; None where anything else makes the logits."""
    operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
    by_output = {operator.Outputs(0): operator for operator in operators}
    operator = by_output.get(graph.Outputs(0))
    while operator is not None and _code(model, operator) in _PASSED:
        operator = by_output.get(operator.Inputs(0))
    if operator is None or _code(model, operator) != schema.BuiltinOperator.FULLY_CONNECTED:
        return None
    options = schema.FullyConnectedOptions()
    options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
    fused = options.FusedActivationFunction()
    return operator if fused == schema.ActivationFunctionType.NONE else None


def _code(model: Any, operator: Any) -> int:
    return int(model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode())


def _quantization(tensor: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scales and zero points; one and zero for a float tensor."""
    quantization = tensor.Quantization()
    if quantization is None or not quantization.ScaleLength():
        return np.ones(1), np.zeros(1, np.int64)
    return quantization.ScaleAsNumpy().astype(np.float64), quantization.ZeroPointAsNumpy().astype(np.int64)


def _own_integers(model: Any, graph: Any, tensor: Any) -> NDArray[np.int32] | None:
    """The tensor's values in place, unless they are not int32 or another tensor shares them."""
    buffers = [graph.Tensors(index).Buffer() for index in range(graph.TensorsLength())]
    if tensor.Type() != schema.TensorType.INT32 or buffers.count(tensor.Buffer()) != 1:
        return None
    values: NDArray[np.int32] = model.Buffers(tensor.Buffer()).DataAsNumpy().view(np.int32)
    return values


def _mean_logits(
    flatbuffer: bytes, layer: _Layer, pictures: NDArray[np.uint8], progress: Progress
) -> NDArray[np.float64]:
    """Real values, (classes,)."""
    interpreter = Interpreter(
        model_content=flatbuffer,
        # XNNPACK would keep the logits to itself.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    rows = []
    for picture in progress.count(pictures, len(pictures), "ran"):
        interpreter.set_tensor(source["index"], picture[None].astype(source["dtype"]))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(layer.output).astype(np.float64).reshape(-1))
    return np.asarray((np.mean(rows, axis=0) - layer.zero_point) * layer.scale)
