"""Packs a flatbuffer anew, smaller, computing the same: small models are a quarter bookkeeping.

Per-channel quantization writes twelve bytes of scale and zero point for each channel of the weights and again for
the bias, and all zero points are zero; names of tensors inside the graph run to a hundred letters; each tensor has a
buffer, most of them empty. Here equal things are written once (``sharing.py``), the scales of weights and bias are
made equal where that can be (``unit_scales.py``), inner tensors are named by their number (some readers, OpenVINO for
one, refuse tensors without a name), and what only conversion needed goes:
the ranges that were seen, the description of the conversion, and tensors that no operator uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converter.flatbuffer.dedup import SharingBuilder
from converter.flatbuffer.flat import Flat
from converter.flatbuffer.unit_scales import unit_scales

KEPT_METADATA = (b"min_runtime_version",)
"""Metadata that readers look for. CONVERSION_METADATA names TensorFlow's version, which the report has."""


def slim(model: bytes) -> bytes:
    """The same model in fewer bytes; same input, same bytes."""
    flat = Flat(model)
    unit_scales(flat)
    unpacked = flat.model
    unpacked.description = None
    unpacked.metadata = [one for one in unpacked.metadata or [] if one.name in KEPT_METADATA] or None
    for graph in unpacked.subgraphs:
        _drop_unused(unpacked, graph)
        _tidy(graph)
    _number_buffers(unpacked)
    builder = SharingBuilder(len(model))
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _drop_unused(model: Any, graph: Any) -> None:
    """Only where there is one subgraph: others may be called with tensors that no operator of theirs uses."""
    if len(model.subgraphs) > 1:
        return
    used = {*_ints(graph.inputs), *_ints(graph.outputs)}
    for operator in graph.operators:
        used |= {*_ints(operator.inputs), *_ints(operator.outputs), *_ints(operator.intermediates)}
    order = sorted(used - {-1})
    places = {-1: -1} | {old: new for new, old in enumerate(order)}
    graph.tensors = [graph.tensors[old] for old in order]
    for holder, field in _index_vectors(graph):
        setattr(holder, field, np.array([places[old] for old in _ints(getattr(holder, field))], np.int32))
    for signature in model.signatureDefs or []:
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = places[entry.tensorIndex]


def _index_vectors(graph: Any) -> Iterator[tuple[Any, str]]:
    """Every vector of tensor numbers, as (its owner, its name)."""
    for owner in (graph, *graph.operators):
        for name in ("inputs", "outputs", "intermediates"):
            if getattr(owner, name, None) is not None:
                yield owner, name


def _tidy(graph: Any) -> None:
    outside = {*_ints(graph.inputs), *_ints(graph.outputs)}
    for number, tensor in enumerate(graph.tensors):
        if number not in outside:
            tensor.name = b"%d" % number
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None
            if not len(_list(tensor.quantization.scale)):
                tensor.quantization = None
    for operator in graph.operators:
        for field in ("mutatingVariableInputs", "intermediates", "customOptions"):
            if not len(_list(getattr(operator, field))):
                setattr(operator, field, None)


def _number_buffers(model: Any) -> None:
    """Each content once; whatever has none gets the first, which the format keeps empty for that."""
    holders = [tensor for graph in model.subgraphs for tensor in graph.tensors] + list(model.metadata or [])
    numbers: dict[bytes, int] = {b"": 0}
    kept = [schema.BufferT()]
    for holder in holders:
        buffer = model.buffers[holder.buffer]
        content = bytes(_list(buffer.data))
        if content not in numbers:
            numbers[content] = len(kept)
            kept.append(buffer)
        holder.buffer = numbers[content]
    model.buffers = kept


def _ints(vector: Any) -> list[int]:
    return [int(value) for value in _list(vector)]


def _list(vector: Any) -> Any:
    return () if vector is None else vector
