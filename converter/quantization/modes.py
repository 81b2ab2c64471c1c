"""The ways to quantize one model, each from the same float graph and the same pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from converter.choices import Quantize
from converter.finetune import Task, Tuning, check, compare, divide, judged, pruned, trained, transplant
from converter.flatbuffer.flat import Flat
from converter.flatbuffer.repack import slim
from converter.loading import tf_private
from converter.progress import Progress
from converter.quantization.correction import correct_biases
from converter.quantization.equalize import equalize
from converter.quantization.quantize import (
    Graph,
    calibrated,
    to_dynamic,
    to_float,
    to_float16,
    to_int8,
    to_int16x8,
    to_plain_int8,
)
from converter.quantization.ranges import narrow
from converter.quantization.sensitivity import Sensitivity, sensitivities, worth_keeping
from converter.quiet import quietly
from converter.report.report import TuningReport
from edge.errors import ConversionError

DESCRIPTIONS: dict[Quantize, str] = {
    "none": "float32",
    "float16": "float32 with weights in half precision",
    "dynamic": "int8 weights, float32 activations",
    "int8": "full-integer int8",
    "int16x8": "int16 activations, int8 weights",
    "mixed": "int8 with the layers that lose most in float32",
}
_FROM_KERAS = {"float16": to_float16, "dynamic": to_dynamic}


@dataclass(frozen=True)
class Variant:
    """``model`` is what ships."""

    recipe: Quantize
    model: bytes
    named: bytes
    """The same with the names of its tensors."""
    reference: bytes
    """The float flatbuffer whose layers it should reproduce, under the same names."""
    tuning: TuningReport | None = None

    @property
    def description(self) -> str:
        words = [DESCRIPTIONS[self.recipe]]
        if self.tuning is not None and self.tuning.taken:
            words.append("fine-tuned")
            if self.tuning.pruning is not None:
                words.append(f"{self.tuning.pruning.sparsity:.0%} of the weights pruned")
        return ", ".join(words)


@dataclass(frozen=True)
class Quantizer:
    """``pixels`` calibrate, ``training`` (or the same) fine-tune: (n, height, width, channels) uint8."""

    graph: Graph
    pixels: NDArray[np.uint8]
    progress: Progress
    training: NDArray[np.uint8] | None = None

    def make(self, mode: Quantize, tuning: Tuning | None = None) -> Variant:
        """Raises ConversionError where the model cannot be quantized, fine-tuned or pruned so."""
        if (mode, tuning) not in self._made:
            self._made[mode, tuning] = self._tuned(mode, tuning) if tuning else self._plain(mode)
        return self._made[mode, tuning]

    @cached_property
    def _made(self) -> dict[tuple[Quantize, Tuning | None], Variant]:
        return {}

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

    def _plain(self, mode: Quantize) -> Variant:
        self.progress.say(f"making {mode}: {DESCRIPTIONS[mode]}")
        with quietly(f"{self.graph.model.path} cannot be quantized to {mode}"):
            # The float model first: its conversion names an operator that no recipe can have.
            reference = self._equalized if mode in ("int8", "mixed") else self.float_model
            named = self._make(mode)
            return Variant(mode, slim(named), named, reference)

    def _tuned(self, mode: Quantize, tuning: Tuning) -> Variant:
        """Trained and quantized again; without ``sparsity`` only if it is the better for it."""
        check(Flat(self.float_model))
        plain = self.make(mode)
        pixels = self.pixels if self.training is None else self.training
        training, held_out = divide(pixels, tuning.seed)
        self.progress.say(f"fine-tuning {mode} with {len(training)} pictures, {tuning.epochs} epochs")
        task = Task(mode, tuning.epochs, tuning.sparsity, tuning.seed, self.kept_float if mode == "mixed" else ())
        with quietly(f"{self.graph.model.path} cannot be fine-tuned"):
            learnt = trained(self._source(mode), training, task, self.progress)
            quantized = self._quantized(mode, learnt)
            candidates = list(dict.fromkeys([quantized, self._corrected(mode, quantized)]))
        models = [slim(one) for one in candidates]
        wanted, before, *after = judged(self.graph, held_out, [plain.model, *models], self.progress)
        best = int(np.argmin([np.abs(scores - wanted).mean() for scores in after]))
        report = compare(tuning, len(training), wanted, before, after[best])
        made = Variant(mode, models[best], candidates[best], plain.reference)
        if tuning.sparsity:
            pruning = pruned(tuning.sparsity, made.named, made.model, plain.model)
            return replace(made, tuning=replace(report, pruning=pruning))
        return replace(made if report.taken else plain, tuning=report)

    def _make(self, mode: Quantize) -> bytes:
        if mode not in DESCRIPTIONS:
            raise ConversionError(f"--quantize {mode}: expected one of {', '.join(DESCRIPTIONS)}")
        return self._corrected(mode, self._quantized(mode))

    def _corrected(self, mode: Quantize, quantized: bytes) -> bytes:
        references = {
            "int8": lambda: self._equalized,
            "mixed": lambda: self._equalized,
            "dynamic": lambda: self._with_pixels,
            "int16x8": lambda: self.float_model,
        }
        if mode not in references:
            return quantized
        return correct_biases(quantized, references[mode](), self.pixels, self.progress)

    def _quantized(self, mode: Quantize, learnt: bytes | None = None) -> bytes:
        """``learnt``: the float flatbuffer with other weights and ranges than the model came with."""
        if mode == "int8":
            return to_int8(learnt) if learnt else self._int8
        if mode == "mixed":
            return to_int8(learnt or self._calibrated, self.kept_float, "float32")
        if mode == "int16x8":
            return to_int16x8(self.graph, self.pixels, self.progress)
        made = self._with_pixels if mode == "none" else _FROM_KERAS[mode](self.graph)
        return transplant(learnt, made) if learnt else made

    def _source(self, mode: Quantize) -> bytes:
        return self._calibrated if mode in ("int8", "mixed") else self.float_model

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
        lacking = tf_private.missing()
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
