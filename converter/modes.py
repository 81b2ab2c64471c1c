"""The ways to quantize one model, each from the same float graph and the same pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from converter import unpromised
from converter.choices import Quantize
from converter.correction import correct_biases
from converter.equalize import equalize
from converter.progress import Progress
from converter.quantize import Graph, calibrated, to_dynamic, to_float, to_float16, to_int8, to_int16x8, to_plain_int8
from converter.quiet import quietly
from converter.ranges import narrow
from converter.sensitivity import Sensitivity, sensitivities, worth_keeping
from converter.slim import slim
from edge.errors import ConversionError

DESCRIPTIONS: dict[Quantize, str] = {
    "none": "float32",
    "float16": "float32 with weights in half precision",
    "dynamic": "int8 weights, float32 activations",
    "int8": "full-integer int8",
    "int16x8": "int16 activations, int8 weights",
    "mixed": "int8 with the layers that lose most in float32",
}


@dataclass(frozen=True)
class Made:
    """``model`` is what ships."""

    recipe: Quantize
    model: bytes
    named: bytes
    """The same with the names of its tensors."""
    reference: bytes
    """The float flatbuffer whose layers it should reproduce, under the same names."""


@dataclass(frozen=True)
class Workshop:
    """``pixels`` calibrate: (n, height, width, channels) uint8."""

    graph: Graph
    pixels: NDArray[np.uint8]
    progress: Progress

    def make(self, mode: Quantize) -> Made:
        """Raises ConversionError where the model cannot be quantized so."""
        self.progress.say(f"making {mode}: {DESCRIPTIONS[mode]}")
        with quietly(f"{self.graph.model.path} cannot be quantized to {mode}"):
            # The float model first: its conversion names an operator that no recipe can have.
            reference = self._equalized if mode in ("int8", "mixed") else self.float_model
            named = self._make(mode)
            return Made(mode, slim(named), named, reference)

    @cached_property
    def float_model(self) -> bytes:
        """Float32 in and out: what a size is compared with."""
        return to_float(self.graph)

    @cached_property
    def layers(self) -> tuple[Sensitivity, ...]:
        return sensitivities(self._calibrated, self.pixels, self.progress)

    @cached_property
    def kept_float(self) -> tuple[str, ...]:
        """The layers that ``mixed`` keeps in float32."""
        return worth_keeping(self.layers)

    def _make(self, mode: Quantize) -> bytes:
        if mode == "none":
            return self._with_pixels
        if mode == "float16":
            return to_float16(self.graph)
        if mode == "dynamic":
            return correct_biases(to_dynamic(self.graph), self._with_pixels, self.pixels, self.progress)
        if mode == "int16x8":
            quantized = to_int16x8(self.graph, self.pixels, self.progress)
            return correct_biases(quantized, self.float_model, self.pixels, self.progress)
        if mode == "int8":
            return self._corrected(self._int8)
        if mode == "mixed":
            return self._corrected(to_int8(self._calibrated, self.kept_float, "float32"))
        raise ConversionError(f"--quantize {mode}: expected one of {', '.join(DESCRIPTIONS)}")

    def _corrected(self, quantized: bytes) -> bytes:
        return correct_biases(quantized, self._equalized, self.pixels, self.progress)

    @cached_property
    def _with_pixels(self) -> bytes:
        """Float32 with uint8 in."""
        return to_float(self.graph, "uint8")

    @cached_property
    def _int8(self) -> bytes:
        if self._lacking:
            return to_plain_int8(self.graph, self.pixels, self.progress)
        return to_int8(self._calibrated)

    @cached_property
    def _lacking(self) -> str:
        lacking = unpromised.missing()
        if lacking:
            self.progress.say(f"warning: {lacking}; int8 is made without even channels and clipped ranges")
        return lacking

    @cached_property
    def _equalized(self) -> bytes:
        if self._lacking:
            return self.float_model
        return equalize(self.float_model, self.pixels, self.progress)

    @cached_property
    def _calibrated(self) -> bytes:
        seen = calibrated(self._equalized, self.pixels, self.progress)
        return narrow(seen, self.pixels, self.progress)
