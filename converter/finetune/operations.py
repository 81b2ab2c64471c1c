"""TFLite's float operators as TensorFlow operations, so that gradients pass through them.

Each takes the operator's options, its inputs (tensors with an open batch, or constants) and the shape that the
flatbuffer gives its output. The fused activation is applied by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converter.quiet import tensorflow

BuiltinCode = schema.BuiltinOperator
ActivationFunction = schema.ActivationFunctionType
TensorShape = tuple[int, ...]
Operation = Callable[[Any, list[Any], TensorShape], Any]

_PADDING = {schema.Padding.SAME: "SAME", schema.Padding.VALID: "VALID"}


def _convolution(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    """Weights (out, height, width, in / groups)."""
    tf = tensorflow()
    values, weights, *bias = inputs
    kernel = tf.transpose(weights, (1, 2, 3, 0))
    groups = values.shape[-1] // kernel.shape[2]
    parts = [
        tf.nn.conv2d(part, some, *_window(options), dilations=_dilation(options))
        for part, some in zip(tf.split(values, groups, -1), tf.split(kernel, groups, -1), strict=True)
    ]
    return _biased(parts[0] if groups == 1 else tf.concat(parts, -1), bias)


def _depthwise(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    """Weights (1, height, width, out)."""
    tf = tensorflow()
    values, weights, *bias = inputs
    _, height, width, _ = weights.shape
    kernel = tf.reshape(weights, (height, width, values.shape[-1], -1))
    strides, padding = _window(options)
    return _biased(tf.nn.depthwise_conv2d(values, kernel, strides, padding, dilations=_dilation(options)), bias)


def _dense(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    """Weights (out, in)."""
    tf = tensorflow()
    values, weights, *bias = inputs
    flat = tf.reshape(values, (-1, weights.shape[-1]))
    return _reshaped(_biased(tf.matmul(flat, weights, transpose_b=True), bias), shape)


def _biased(values: Any, bias: list[Any]) -> Any:
    return values + bias[0] if bias and bias[0] is not None else values


def _window(options: Any) -> tuple[list[int], str]:
    return [1, options.strideH, options.strideW, 1], _PADDING[options.padding]


def _dilation(options: Any) -> list[int]:
    return [options.dilationHFactor, options.dilationWFactor]


def _pool(pool: str) -> Operation:
    def run(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
        strides, padding = _window(options)
        size = [1, options.filterHeight, options.filterWidth, 1]
        return getattr(tensorflow().nn, pool)(inputs[0], size, strides, padding)

    return run


def _mean(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    axes = [int(axis) for axis in np.reshape(inputs[1], -1)]
    return tensorflow().reduce_mean(inputs[0], axes, keepdims=options.keepDims)


def _reshape(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    return _reshaped(inputs[0], shape)


def _reshaped(values: Any, shape: TensorShape) -> Any:
    return tensorflow().reshape(values, (-1, *shape[1:]))


def _softmax(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    return tensorflow().nn.softmax(inputs[0] * options.beta)


def _concatenation(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    return tensorflow().concat(inputs, options.axis)


def _leaky(options: Any, inputs: list[Any], shape: TensorShape) -> Any:
    return tensorflow().nn.leaky_relu(inputs[0], options.alpha)


def _plain(function: Callable[..., Any]) -> Operation:
    return lambda options, inputs, shape: function(*inputs)


def _hard_swish(values: Any) -> Any:
    return values * tensorflow().nn.relu6(values + 3.0) / 6.0


OPERATIONS: dict[int, Operation] = {
    BuiltinCode.CONV_2D: _convolution,
    BuiltinCode.DEPTHWISE_CONV_2D: _depthwise,
    BuiltinCode.FULLY_CONNECTED: _dense,
    BuiltinCode.ADD: _plain(lambda one, other: one + other),
    BuiltinCode.SUB: _plain(lambda one, other: one - other),
    BuiltinCode.MUL: _plain(lambda one, other: one * other),
    BuiltinCode.MAX_POOL_2D: _pool("max_pool2d"),
    BuiltinCode.AVERAGE_POOL_2D: _pool("avg_pool2d"),
    BuiltinCode.MEAN: _mean,
    BuiltinCode.PAD: _plain(lambda values, paddings: tensorflow().pad(values, paddings)),
    BuiltinCode.RESHAPE: _reshape,
    BuiltinCode.TRANSPOSE: _plain(lambda values, order: tensorflow().transpose(values, order)),
    BuiltinCode.CONCATENATION: _concatenation,
    BuiltinCode.SOFTMAX: _softmax,
    BuiltinCode.LOGISTIC: _plain(lambda values: tensorflow().sigmoid(values)),
    BuiltinCode.TANH: _plain(lambda values: tensorflow().tanh(values)),
    BuiltinCode.RELU: _plain(lambda values: tensorflow().nn.relu(values)),
    BuiltinCode.RELU6: _plain(lambda values: tensorflow().nn.relu6(values)),
    BuiltinCode.LEAKY_RELU: _leaky,
    BuiltinCode.HARD_SWISH: _plain(_hard_swish),
}

FUSED: dict[int, Callable[[Any], Any]] = {
    ActivationFunction.NONE: lambda values: values,
    ActivationFunction.RELU: lambda values: tensorflow().nn.relu(values),
    ActivationFunction.RELU6: lambda values: tensorflow().nn.relu6(values),
    ActivationFunction.RELU_N1_TO_1: lambda values: tensorflow().clip_by_value(values, -1.0, 1.0),
    ActivationFunction.TANH: lambda values: tensorflow().tanh(values),
}
