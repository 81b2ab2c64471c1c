"""Distance of each layer of the quantized model from the same layer of the float model, on real pictures.

The error is what arrives at a layer's output, so it holds that of the layers before. Both flatbuffers come of one
graph and keep its tensor names, which tell what belongs together. Kernels: TFLite's own, without XNNPACK, which keeps
intermediate tensors to itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.progress import Progress
from converter.quiet import quietly

PICTURES = 20
"""Each layer has thousands of values a picture: their mean is known well enough after these."""


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer's outputs, quantized against float."""

    name: str
    """The first of the fused layers' names."""
    operator: str
    """TFLite's name of the operation."""
    shape: tuple[int, ...]
    sqnr_db: float
    """Signal to quantization noise: 10·log10(Σ float² / Σ (quantized − float)²); 6 dB more is one bit more."""
    error_steps: float
    """Root mean square error in quantization steps; rounding alone gives 1/√12 = 0.29. 0 where nothing is rounded."""


def layer_errors(
    float_model: bytes, quantized: bytes, pixels: NDArray[np.uint8], progress: Progress
) -> tuple[LayerReport, ...]:
    """In the order of execution; layers that only one of the two models has are left out.

    ``pixels``: (n, height, width, channels), input tensors. Raises ConversionError.
    """
    with quietly("the layers cannot be compared"):
        first, second = _Probe(float_model), _Probe(quantized)
        both = [name for name in first.layers if name in second.layers]
        signal, noise, count = (dict.fromkeys(both, 0.0) for _ in range(3))
        for picture in progress.count(pixels[:PICTURES], len(pixels[:PICTURES]), "compared"):
            by_float, by_quantized = first.run(picture, both), second.run(picture, both)
            for name in both:
                signal[name] += float((by_float[name] ** 2).sum())
                noise[name] += float(((by_quantized[name] - by_float[name]) ** 2).sum())
                count[name] += by_float[name].size
    return tuple(
        LayerReport(
            name="scores" if name.startswith("StatefulPartitionedCall") else name.split(";")[0],
            operator=first.layers[name].operator,
            shape=first.layers[name].shape,
            sqnr_db=_decibel(signal[name], noise[name]),
            error_steps=_steps(math.sqrt(noise[name] / count[name]), second.layers[name].scale),
        )
        for name in both
    )


@dataclass(frozen=True)
class _Layer:
    operator: str
    tensor: int
    shape: tuple[int, ...]
    scale: float
    """0 where nothing is quantized."""
    zero_point: int


class _Probe:
    """A model whose intermediate tensors can be read."""

    def __init__(self, flatbuffer: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._native = Interpreter(
            model_content=flatbuffer,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        self._native.allocate_tensors()
        self._input = self._native.get_input_details()[0]
        self.layers = self._layers()
        """By the name of the output tensor, in the order of execution."""

    def run(self, picture: NDArray[np.uint8], names: list[str]) -> dict[str, NDArray[np.float64]]:
        """The real values of each layer's output for one input tensor (height, width, channels)."""
        self._native.set_tensor(self._input["index"], picture[None].astype(self._input["dtype"]))
        self._native.invoke()
        return {name: self._real(self.layers[name]) for name in names}

    def _real(self, layer: _Layer) -> NDArray[np.float64]:
        values: NDArray[np.float64] = self._native.get_tensor(layer.tensor).astype(np.float64)
        return (values - layer.zero_point) * layer.scale if layer.scale else values

    def _layers(self) -> dict[str, _Layer]:
        tensors: dict[int, Any] = {detail["index"]: detail for detail in self._native.get_tensor_details()}
        found = {}
        for operator in self._native._get_ops_details():
            index = int(operator["outputs"][0])
            detail = tensors[index]
            scale, zero_point = detail["quantization"]
            shape = tuple(int(size) for size in detail["shape"])
            found[detail["name"]] = _Layer(operator["op_name"], index, shape, float(scale), int(zero_point))
        return found


def _decibel(signal: float, noise: float) -> float:
    """At most 200, where there is no noise to speak of: JSON knows no infinity."""
    return min(200.0, 10 * math.log10(max(signal, 1e-30) / max(noise, 1e-30)))


def _steps(error: float, scale: float) -> float:
    return error / scale if scale else 0.0
