"""Gives the channels of a tensor like ranges, so that eight bits serve them all.

A tensor has one scale, set by its widest channel; a channel a tenth as wide gets a tenth of the steps. Multiplying a
channel where it is made and dividing by the same number where it is used changes nothing in float: ReLU, addition
and pooling pass the factor on. Method: M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction", ICCV 2019, section 4.1, with the ranges of the activations in place of those of the weights, since
weights have a scale per channel already.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from converter.flatbuffer.flat import BuiltinOperator, Flat, FlatOperator, TensorProbe
from converter.progress import Progress
from converter.quantization.groups import ScaleRole, groups

STRENGTH = 0.5
"""Power of the ratio that is evened out. 1 would even it out wholly, at the cost of the next layer's weights."""
NARROWEST = 1 / 32
"""A channel counts as at least this part of the widest."""

_PASSING = (
    BuiltinOperator.ADD,
    BuiltinOperator.MAX_POOL_2D,
    BuiltinOperator.AVERAGE_POOL_2D,
    BuiltinOperator.MEAN,
    BuiltinOperator.RESHAPE,
)
_LINEAR = (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
"""Activations that let a positive factor through."""


def equalize(model: bytes, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """The same float function with evener channels; ``pixels`` (n, height, width, channels) show their ranges."""
    flat = Flat(model)
    if not flat.simple:
        return model
    found = groups(flat, _part)
    widths = _widths(flat, [tensor for group in found for tensor in group], pixels, progress)
    for group in found:
        _scale(flat, group, _factors([widths[tensor] for tensor in group]))
    return flat.to_bytes()


def _part(flat: Flat, one: FlatOperator) -> ScaleRole:
    if _passes(flat, one, flat.moving(one)):
        return "passes"
    if one.weighed and _own_weights(flat, one):
        return "absorbs" if one.fused in _LINEAR else "absorbs its input"
    return "neither"


def _passes(flat: Flat, one: FlatOperator, moving: list[int]) -> bool:
    if one.code not in _PASSING or one.fused not in _LINEAR:
        return False
    shapes = [flat.shape(tensor) for tensor in (*moving, one.output)]
    if any(not shape or shape[-1] != shapes[0][-1] for shape in shapes):
        return False
    if one.code == BuiltinOperator.RESHAPE:
        return all(size == 1 for size in shapes[0][:-1])
    return one.code != BuiltinOperator.ADD or (len(moving) == 2 and shapes[0] == shapes[1])


def _own_weights(flat: Flat, one: FlatOperator) -> bool:
    """Constant float weights that no other operator uses, whose last axis is the input's channels."""
    weights = [tensor for tensor in one.inputs[1:] if tensor >= 0]
    if not all(flat.is_constant(tensor) and flat.is_float(tensor) for tensor in weights):
        return False
    alone = all(len(flat.users(tensor)) == 1 for tensor in weights)
    return alone and flat.shape(one.inputs[1])[-1] == flat.shape(one.inputs[0])[-1]


def _widths(
    flat: Flat, tensors: list[int], pixels: NDArray[np.uint8], progress: Progress
) -> dict[int, NDArray[np.float32]]:
    """The largest absolute value of each channel."""
    if not tensors:
        return {}
    probe = TensorProbe(flat, tensors)
    found = [np.zeros(flat.shape(tensor)[-1], np.float32) for tensor in tensors]
    for picture in progress.count(pixels, len(pixels), "measured"):
        for width, values in zip(found, probe(picture), strict=True):
            np.maximum(width, np.abs(values).reshape(-1, len(width)).max(axis=0), out=width)
    return dict(zip(tensors, found, strict=True))


def _factors(widths: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Per channel, at least 1; the tensor in which the channel is widest decides."""
    shares = [width / width.max() for width in widths if width.max() > 0]
    if not shares:
        return np.ones_like(widths[0])
    widest = np.maximum(np.max(shares, axis=0), NARROWEST)
    return np.asarray(widest**-STRENGTH, np.float32)


def _scale(flat: Flat, group: list[int], factors: NDArray[np.float32]) -> None:
    for one in flat.operators:
        if one.weighed and one.output in group:
            weights = flat.floats(one.inputs[1])
            depthwise = one.code == BuiltinOperator.DEPTHWISE_CONV_2D
            flat.put(one.inputs[1], weights * (factors if depthwise else _first_axis(factors, weights.ndim)))
            if len(one.inputs) > 2 and one.inputs[2] >= 0:
                flat.put(one.inputs[2], flat.floats(one.inputs[2]) * factors)
        if one.weighed and one.inputs[0] in group:
            flat.put(one.inputs[1], flat.floats(one.inputs[1]) / factors)


def _first_axis(factors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    return factors.reshape(-1, *[1] * (dimensions - 1))
