"""A TFLite flatbuffer taken apart: its operators and constants, with outputs of one's choosing.

Packing it again loses the alignment of the weights (``embed.py``), so what is packed here is only looked at or
quantized, never shipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

BuiltinOperator = schema.BuiltinOperator

WEIGHED = (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D, BuiltinOperator.FULLY_CONNECTED)
"""Operators with inputs (activation, weights, bias)."""

RESCALING = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)

_NAMES = {value: name for name, value in vars(BuiltinOperator).items() if isinstance(value, int)}


@dataclass(frozen=True)
class FlatOperator:
    code: int
    inputs: tuple[int, ...]
    """Tensor indices; -1 is left out."""
    output: int
    fused: int
    """An ``ActivationFunctionType``."""

    @property
    def kind(self) -> str:
        name: str = _NAMES[self.code]
        return name

    @property
    def weighed(self) -> bool:
        return self.code in WEIGHED


class Flat:
    """One subgraph, as all image classifiers have it."""

    def __init__(self, data: bytes) -> None:
        self.model: Any = schema.ModelT.InitFromPackedBuf(data, 0)
        self.graph: Any = self.model.subgraphs[0]

    @property
    def simple(self) -> bool:
        """One subgraph, and no operator with several outputs."""
        return len(self.model.subgraphs) == 1 and all(len(op.outputs) == 1 for op in self.graph.operators)

    @cached_property
    def operators(self) -> list[FlatOperator]:
        """In the order of execution."""
        return [self._operator(item) for item in self.graph.operators]

    @property
    def steps(self) -> list[FlatOperator]:
        """The operators that compute; those that only change the representation are left out."""
        return [one for one in self.operators if one.code not in RESCALING]

    def _operator(self, item: Any) -> FlatOperator:
        code = self.model.operatorCodes[item.opcodeIndex]
        options = item.builtinOptions
        fused = getattr(options, "fusedActivationFunction", 0) if options is not None else 0
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        return FlatOperator(number, tuple(int(i) for i in item.inputs), int(item.outputs[0]), fused)

    def name(self, tensor: int) -> str:
        """Empty where it was left out (``slim.py``)."""
        name: bytes = self.graph.tensors[tensor].name or b""
        return name.decode()

    def shape(self, tensor: int) -> tuple[int, ...]:
        shape = self.graph.tensors[tensor].shape
        return () if shape is None else tuple(int(size) for size in shape)

    def is_constant(self, tensor: int) -> bool:
        data = self.model.buffers[self.graph.tensors[tensor].buffer].data
        return data is not None and len(data) > 0

    def is_float(self, tensor: int) -> bool:
        return bool(self.graph.tensors[tensor].type == schema.TensorType.FLOAT32)

    def moving(self, one: FlatOperator) -> list[int]:
        """The operator's inputs that are not constants."""
        return [tensor for tensor in one.inputs if tensor >= 0 and not self.is_constant(tensor)]

    def users(self, tensor: int) -> list[FlatOperator]:
        return [one for one in self.operators if tensor in one.inputs]

    def floats(self, tensor: int) -> NDArray[np.float32]:
        """A constant's values, in its shape."""
        data = self.model.buffers[self.graph.tensors[tensor].buffer].data
        return np.frombuffer(bytes(data), "<f4").reshape(self.shape(tensor))

    def put(self, tensor: int, values: NDArray[np.float32]) -> None:
        self.store(tensor, values.astype("<f4").tobytes())

    def store(self, tensor: int, data: bytes) -> None:
        """Gives the constant a buffer of its own where several tensors share one."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data, np.uint8)
        index = self.graph.tensors[tensor].buffer
        if sum(one.buffer == index for graph in self.model.subgraphs for one in graph.tensors) == 1:
            self.model.buffers[index] = buffer
        else:
            self.graph.tensors[tensor].buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)

    def range(self, tensor: int) -> tuple[float, float] | None:
        """Range of a tensor that calibration saw."""
        seen = self.graph.tensors[tensor].quantization
        if seen is None or seen.min is None or not len(seen.min):
            return None
        return float(seen.min[0]), float(seen.max[0])

    def set_range(self, tensor: int, low: float, high: float) -> None:
        seen = self.graph.tensors[tensor].quantization
        seen.min, seen.max = [low], [high]

    def scales(self, tensor: int) -> NDArray[np.float32]:
        """One, or one per channel; none where the tensor is not quantized."""
        found = self.graph.tensors[tensor].quantization
        return np.asarray([] if found is None or found.scale is None else found.scale, np.float32)

    def set_scales(self, tensor: int, scales: NDArray[np.float32]) -> None:
        self.graph.tensors[tensor].quantization.scale = scales

    def to_bytes(self) -> bytes:
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def tapped(self, tensors: Sequence[int]) -> bytes:
        """The same graph with ``tensors`` as its outputs, and nothing behind the last of them."""
        outputs, operators, signatures = self.graph.outputs, self.graph.operators, self.model.signatureDefs
        last = max(index for index, one in enumerate(self.operators) if one.output in tensors)
        try:
            self.graph.outputs, self.graph.operators = list(tensors), operators[: last + 1]
            self.model.signatureDefs = None
            return self.to_bytes()
        finally:
            self.graph.outputs, self.graph.operators, self.model.signatureDefs = outputs, operators, signatures


class TensorProbe:
    """Runs a flatbuffer picture by picture and shows chosen tensors as real values."""

    def __init__(self, flat: Flat, tensors: Sequence[int], threads: int = 2) -> None:
        self._native = Interpreter(model_content=flat.tapped(tensors), num_threads=threads)
        self._native.allocate_tensors()
        self._input = self._native.get_input_details()[0]
        self._outputs = self._native.get_output_details()

    def __call__(self, picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """``picture`` (height, width, channels), pixel values; the tensors in the order asked for."""
        self._native.set_tensor(self._input["index"], picture[None].astype(self._input["dtype"]))
        self._native.invoke()
        return [_real(self._native.get_tensor(one["index"]), *one["quantization"]) for one in self._outputs]


def _real(values: NDArray[Any], scale: float, zero_point: int) -> NDArray[np.float32]:
    if values.dtype == np.float32 or not scale:
        return np.asarray(values, np.float32)
    return (values.astype(np.float32) - zero_point) * np.float32(scale)
