"""Packs a flatbuffer anew, smaller, computing the same: small models are a quarter bookkeeping.

Per-channel quantization writes twelve bytes of scale and zero point for each channel of the weights and again for
the bias, and all zero points are zero; names of tensors inside the graph run to a hundred letters. Vectors with the
same content are written once, as the format allows, and inner tensors are named by their number. Weights keep the
16-byte alignment that the runtimes want.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

ALIGNMENT = 16


def slim(model: bytes) -> bytes:
    """The same model in fewer bytes; same input, same bytes."""
    unpacked: Any = schema.ModelT.InitFromPackedBuf(model, 0)
    for graph in unpacked.subgraphs:
        outside = {int(index) for index in (*graph.inputs, *graph.outputs)}
        for number, tensor in enumerate(graph.tensors):
            if number not in outside:
                tensor.name = b"%d" % number
    builder = _Sharing(len(model))
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Sharing(flatbuffers.Builder):  # type: ignore[misc]  # the package has no types
    """Writes equal strings and arrays once."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            self._written[key] = self._aligned(key[1]) if x.dtype == np.uint8 else super().CreateNumpyVector(x)
        return self._written[key]

    def CreateString(self, s: str | bytes, *args: Any, **kwargs: Any) -> int:  # noqa: N802
        key = ("string", s if isinstance(s, bytes) else s.encode())
        if key not in self._written:
            self._written[key] = int(super().CreateString(s, *args, **kwargs))
        return self._written[key]

    def _aligned(self, data: bytes) -> int:
        self.StartVector(1, len(data), ALIGNMENT)
        self.head -= len(data)
        self.Bytes[self.head : self.head + len(data)] = data
        self.vectorNumElems = len(data)
        return int(self.EndVector())
