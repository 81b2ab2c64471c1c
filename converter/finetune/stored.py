"""Weights as a flatbuffer holds them: float32, float16 behind a DEQUANTIZE, or int8 with scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from converter.flatbuffer.flat import BuiltinOperator, Flat, FlatOperator
from edge.errors import ConversionError

_DTYPES = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.FLOAT16: "<f2", schema.TensorType.INT8: "i1"}


def layers(flat: Flat) -> list[FlatOperator]:
    """Operators with weights that are stored."""
    return [one for one in flat.operators if one.weighed and flat.is_constant(where(flat, one.inputs[1]))]


def where(flat: Flat, tensor: int) -> int:
    """The constant that ``tensor`` is unfolded from; most are that themselves."""
    for one in flat.operators:
        if one.code == BuiltinOperator.DEQUANTIZE and one.output == tensor:
            return one.inputs[0]
    return tensor


def values(flat: Flat, tensor: int) -> NDArray[Any]:
    """Values of a tensor as stored, in its shape."""
    stored = flat.graph.tensors[tensor]
    return np.frombuffer(bytes(flat.model.buffers[stored.buffer].data), _DTYPES[stored.type]).reshape(
        flat.shape(tensor)
    )


def transplant(learnt: bytes, into: bytes) -> bytes:
    """The flatbuffer ``into`` with the weights and biases of ``learnt``, a float32 one of the same graph."""
    source, target = Flat(learnt), Flat(into)
    ours, theirs = layers(source), layers(target)
    if [one.code for one in ours] != [one.code for one in theirs]:
        raise ConversionError("the quantized graph has other layers than the float graph; --fine-tune needs the same")
    for one, other in zip(ours, theirs, strict=True):
        for ours_at, theirs_at in zip(one.inputs[1:], other.inputs[1:], strict=True):
            if ours_at >= 0:
                _put(target, where(target, theirs_at), source.floats(ours_at))
    return target.to_bytes()


def _put(flat: Flat, tensor: int, real: NDArray[np.float32]) -> None:
    kind = flat.graph.tensors[tensor].type
    stored = _rounded(flat.graph.tensors[tensor].quantization, real) if kind == schema.TensorType.INT8 else real
    flat.store(tensor, stored.astype(_DTYPES[kind]).tobytes())


def _rounded(quantization: Any, real: NDArray[np.float32]) -> NDArray[np.float32]:
    """−127..127, and their scales into ``quantization``, as many as it has."""
    single = len(quantization.scale) == 1
    axes = tuple(axis for axis in range(real.ndim) if single or axis != quantization.quantizedDimension)
    scale = np.maximum(np.abs(real).max(axis=axes, keepdims=True), 1e-6) / 127
    quantization.scale = scale.reshape(-1).astype(np.float32)
    rounded: NDArray[np.float32] = np.round(real / scale)
    return rounded
