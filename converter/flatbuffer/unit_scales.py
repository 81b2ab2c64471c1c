"""Makes the scales of an integer layer's bias equal to those of its weights, so that they are stored once.

A bias' scale is the weights' scale times the scale of the layer's input. What number stands for 1 inside the graph is
free: with the scale of a tensor divided by a factor, that of the weights before it divided too and that of the
weights behind it multiplied, every integer and every ratio of scales stays what it was. So the factor is chosen that
gives a layer's input the scale 1.0 exactly. The freedom is that of "Data-Free Quantization Through Weight
Equalization and Bias Correction" (Nagel et al., ICCV 2019), used here on the finished integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converter.flatbuffer.flat import BuiltinOperator, Flat, FlatOperator
from converter.quantization.groups import ScaleRole, groups

_PASSING = (
    BuiltinOperator.ADD,
    BuiltinOperator.AVERAGE_POOL_2D,
    BuiltinOperator.CONCATENATION,
    BuiltinOperator.MAX_POOL_2D,
    BuiltinOperator.MEAN,
    BuiltinOperator.PAD,
    BuiltinOperator.RESHAPE,
)
_INTEGERS = {schema.TensorType.INT8: 127, schema.TensorType.INT16: 32767}
"""Types of activations, and their largest values."""
_NONE, _RELU, _RELU6 = (getattr(schema.ActivationFunctionType, name) for name in ("NONE", "RELU", "RELU6"))


def unit_scales(flat: Flat) -> None:
    """Changes scales in place, no weight and no answer: only ratios of scales enter the arithmetic."""
    if not flat.simple:
        return
    for one in flat.graph.operators:
        _plain_relu(flat, one)
    factors: dict[int, float] = {}
    for group in groups(flat, _part):
        best = max(group, key=lambda tensor: _saved(flat, tensor))
        if _saved(flat, best):
            factors |= dict.fromkeys(group, _scale(flat, best))
    for one in flat.operators:
        if one.weighed and _own_scales(flat, one):
            _adapt(flat, one, factors.get(one.inputs[0], 1.0), factors.get(one.output, 1.0))
    for tensor, factor in factors.items():
        # Division, for a number divided by itself is 1 exactly.
        flat.set_scales(tensor, flat.scales(tensor) / np.float32(factor))


def _part(flat: Flat, one: FlatOperator) -> ScaleRole:
    if not all(_quantized(flat, tensor) for tensor in (*flat.moving(one), one.output)):
        return "neither"
    linear = one.fused in (_NONE, _RELU)
    if one.weighed and _own_scales(flat, one):
        return "absorbs" if linear else "absorbs its input"
    constants = [tensor for tensor in one.inputs if tensor >= 0 and flat.is_constant(tensor)]
    plain = not any(_quantized(flat, tensor) for tensor in constants)
    return "passes" if one.code in _PASSING and linear and plain else "neither"


def _quantized(flat: Flat, tensor: int) -> bool:
    """An activation in integers, with one scale."""
    return flat.graph.tensors[tensor].type in _INTEGERS and len(flat.scales(tensor)) == 1


def _own_scales(flat: Flat, one: FlatOperator) -> bool:
    """Constant weights and bias that have scales and that no other operator uses."""
    own = [tensor for tensor in one.inputs[1:] if tensor >= 0]
    scaled = all(len(flat.scales(tensor)) and flat.is_constant(tensor) for tensor in own)
    return scaled and all(len(flat.users(tensor)) == 1 for tensor in own)


def _scale(flat: Flat, tensor: int) -> float:
    return float(flat.scales(tensor)[0])


def _saved(flat: Flat, tensor: int) -> int:
    """Scales that need not be stored when this tensor's is 1; none for one scale a tensor."""
    users = [one for one in flat.users(tensor) if one.weighed and one.inputs[0] == tensor and len(one.inputs) > 2]
    counts = [len(flat.scales(one.inputs[1])) for one in users]
    return sum(count for count in counts if count > 1)


def _adapt(flat: Flat, one: FlatOperator, of_input: float, of_output: float) -> None:
    weights = flat.scales(one.inputs[1])
    if of_input != of_output:
        weights = (weights.astype(np.float64) * of_input / of_output).astype(np.float32)
        flat.set_scales(one.inputs[1], weights)
    if len(one.inputs) > 2 and one.inputs[2] >= 0:
        before = flat.scales(one.inputs[0]) / np.float32(of_input)
        flat.set_scales(one.inputs[2], weights * before)


def _plain_relu(flat: Flat, item: Any) -> None:
    """ReLU6 that ends where the integers end is ReLU."""
    options = item.builtinOptions
    if getattr(options, "fusedActivationFunction", _NONE) != _RELU6 or not _quantized(flat, int(item.outputs[0])):
        return
    tensor = flat.graph.tensors[int(item.outputs[0])]
    end = int(tensor.quantization.zeroPoint[0]) + round(6 / _scale(flat, int(item.outputs[0])))
    if end >= _INTEGERS[tensor.type]:
        options.fusedActivationFunction = _RELU
