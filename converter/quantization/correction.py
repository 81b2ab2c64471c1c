"""Takes the systematic part of the quantization error out of every layer.

Rounded weights shift the mean of each channel of a layer's outputs a little, and the shifts add up: in small networks
with batch normalization and global pooling they can exceed the difference between two classes. The bias (int32, int64
beside int16 activations, float32 where only the weights are int8) can absorb them at no cost at run time. Method: the
empirical bias correction of M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction", ICCV 2019, layer after layer, so that each sees what the corrected layers before it really give.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from converter.flatbuffer.flat import Flat, FlatOperator, TensorProbe
from converter.progress import Progress

_DTYPES = {
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.FLOAT32: np.float32,
}
PICTURES = 200
"""The mean of the error is known well enough after these."""

Means = NDArray[np.float64]


def correct_biases(quantized: bytes, float_model: bytes, pixels: NDArray[np.uint8], progress: Progress) -> bytes:
    """The quantized flatbuffer with better biases, or as it was where its layers are not the float model's.

    ``pixels``: (n, height, width, channels), input tensors; both flatbuffers are of the same graph.
    """
    edited = bytearray(quantized)
    flat, reference = Flat(quantized), Flat(float_model)
    layers = [pair for pair in _pairs(flat, reference) if _bias(edited, pair[0]) is not None]
    if not layers:
        return quantized
    pictures = pixels[:PICTURES]
    wanted = _means(reference, [other.output for _, other in layers], pictures)
    for (layer, _), mean in progress.count(zip(layers, wanted, strict=True), len(layers), "corrected layer"):
        (found,) = _means(Flat(bytes(edited)), [layer.output], pictures)
        _subtract(edited, layer, found - mean)
    return bytes(edited)


def _pairs(flat: Flat, reference: Flat) -> list[tuple[FlatOperator, FlatOperator]]:
    """Each layer with weights and its counterpart; none when the two graphs are not step by step the same."""
    ours, theirs = flat.steps, reference.steps
    same = len(ours) == len(theirs) and all(
        one.code == other.code and flat.shape(one.output) == reference.shape(other.output)
        for one, other in zip(ours, theirs, strict=False)
    )
    if not (same and flat.simple and reference.simple):
        return []
    return [pair for pair in zip(ours, theirs, strict=True) if pair[0].weighed]


def _means(flat: Flat, tensors: list[int], pictures: NDArray[np.uint8]) -> list[Means]:
    """Means of each channel, as real values."""
    probe = TensorProbe(flat, tensors)
    sums: list[Means] = [np.zeros(flat.shape(tensor)[-1]) for tensor in tensors]
    for picture in pictures:
        for total, values in zip(sums, probe(picture), strict=True):
            total += values.reshape(-1, len(total)).mean(axis=0, dtype=np.float64)
    return [total / len(pictures) for total in sums]


def _subtract(edited: bytearray, layer: FlatOperator, error: Means) -> None:
    bias = _bias(edited, layer)
    assert bias is not None
    if bias.dtype == np.float32:
        bias[:] -= error.astype(np.float32)
        return
    tensor = schema.Model.GetRootAs(edited, 0).Subgraphs(0).Tensors(layer.inputs[2])
    bias[:] -= np.round(error / tensor.Quantization().ScaleAsNumpy()).astype(bias.dtype)


def _bias(edited: bytearray, layer: FlatOperator) -> NDArray[Any] | None:
    """A view of the values in place; None unless it is the bias of int8 weights, and theirs alone."""
    if len(layer.inputs) < 3 or layer.inputs[2] < 0:
        return None
    model = schema.Model.GetRootAs(edited, 0)
    graph = model.Subgraphs(0)
    tensor: Any = graph.Tensors(layer.inputs[2])
    buffers = [graph.Tensors(index).Buffer() for index in range(graph.TensorsLength())]
    whole = graph.Tensors(layer.inputs[1]).Type() == schema.TensorType.INT8
    if not whole or tensor.Type() not in _DTYPES or buffers.count(tensor.Buffer()) != 1:
        return None
    values: NDArray[Any] = model.Buffers(tensor.Buffer()).DataAsNumpy().view(_DTYPES[tensor.Type()])
    return values
