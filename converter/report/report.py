"""Findings of a conversion, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converter.choices import ConverterRange, Quantize
from converter.data.duplicates import Duplicates
from converter.measurement.parity import Parity
from converter.quantization.layers import LayerReport
from converter.report.provenance import Provenance
from edge.core.choices import Colour, Interpolation, Resize
from edge.inference.artifact.manifest import Evaluation, InputSpec, OutputSpec


@dataclass(frozen=True, slots=True)
class TrialReport:
    range: ConverterRange
    colour: Colour
    accuracy: float


@dataclass(frozen=True, slots=True)
class RuleReport:
    """A resize rule with the convention that was found."""

    resize: Resize
    interpolation: Interpolation
    accuracy: float


@dataclass(frozen=True, slots=True)
class LabelReport:
    """Pictures of one label."""

    label: str
    calibration: int
    """In the part that calibrates and becomes the drift reference."""
    evaluation: int


@dataclass(frozen=True, slots=True)
class RecipeReport:
    """One way of quantization that was tried."""

    recipe: Quantize
    bytes: int
    accuracy: float
    agreement: float
    """With the trained model."""
    latency_ms: float
    """Median on one thread of this machine; a Pi ranks the recipes otherwise."""
    chosen: bool = False
    drop: float = 0.0
    """Points of accuracy lost against the trained model; negative when it gains."""
    fault: str = ""
    """Why it cannot be used; the figures are then 0."""
    fine_tuned: bool = False

    @property
    def name(self) -> str:
        return f"{self.recipe} fine-tuned" if self.fine_tuned else self.recipe


@dataclass(frozen=True, slots=True)
class PrunedLayer:
    """Zeros in a layer's weights, as the quantized flatbuffer stores them."""

    name: str
    kind: str
    weights: int
    zeros: int


@dataclass(frozen=True, slots=True)
class PruningReport:
    sparsity: float
    """Asked for, of all weights; what rounding makes zero comes on top."""
    layers: tuple[PrunedLayer, ...]
    deflated: int
    """Bytes of the flatbuffer as zip or gzip packs it."""
    deflated_before: int
    """Deflated bytes of the same recipe without pruning."""

    @property
    def reached(self) -> float:
        return sum(one.zeros for one in self.layers) / max(1, sum(one.weights for one in self.layers))

    def line(self) -> str:
        return (
            f"{self.reached:.1%} of the weights are zero; compressed {kilobytes(self.deflated)}, without pruning "
            f"{kilobytes(self.deflated_before)}"
        )


@dataclass(frozen=True, slots=True)
class TuningReport:
    """Effect of fine-tuning, measured on calibration pictures that were withheld from it; the labels play no part."""

    epochs: int
    pictures: int
    """Trained with."""
    held_out: int
    error_before: float
    """Mean absolute difference of the class scores from the float model's, without fine-tuning."""
    error_after: float
    agreement_before: float
    agreement_after: float
    taken: bool
    """False: it was no better, and what ships is without it."""
    pruning: PruningReport | None = None

    def line(self) -> str:
        figures = (
            f"{self.epochs} epochs; scores off by {100 * self.error_after:.2f} points, without "
            f"{100 * self.error_before:.2f}, agreement {self.agreement_after:.1%}, without "
            f"{self.agreement_before:.1%}, on {self.held_out} withheld pictures"
        )
        return figures if self.taken else f"{figures}; no better, so it was not taken"


@dataclass(frozen=True, slots=True)
class RuntimeReport:
    """The artifact on one runtime, on the same evaluation pictures; ``agreement`` with the first runtime."""

    platform: str
    samples: int
    accuracy: float
    agreement: float
    latency_ms: float
    """Median of one picture on this machine, one thread."""

    def line(self) -> str:
        return f"{self.platform}: {self.accuracy:.1%} of {self.samples}, agreement {self.agreement:.1%}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """In bytes."""

    float: int
    """The float32 ``.tflite`` of the same graph."""
    quantized: int
    """The flatbuffer alone, without the files that belong to it."""
    artifact: int
    """The whole file."""


@dataclass(frozen=True, slots=True)
class OnnxReport:
    """The float model as ONNX, run by onnxruntime beside Keras."""

    out: str
    bytes: int
    samples: int
    largest_difference: float
    """Largest difference of any score."""

    def line(self) -> str:
        return f"{self.out}, {kilobytes(self.bytes)}; within {self.largest_difference:.1e} of Keras on {self.samples}"


@dataclass(frozen=True, slots=True)
class Common:
    """Findings about every artifact, whether it was converted or wrapped."""

    out: str
    model: str
    version: int
    labels: tuple[str, ...]
    range: ConverterRange
    """Range that the model itself was trained on; ``input`` says what the artifact takes."""
    colour: Colour
    trials: tuple[TrialReport, ...]
    rules: tuple[RuleReport, ...]
    """Resize rules that were tried; empty where they make no difference."""
    input: InputSpec
    output: OutputSpec
    runtimes: tuple[RuntimeReport, ...]
    min_runtime: str
    golden_tolerance: int
    damaged: tuple[str, ...]
    """Pictures that could not be read."""
    warnings: tuple[str, ...]
    seed: int
    created: str
    data: tuple[LabelReport, ...]
    duplicates: Duplicates
    provenance: Provenance
    files: tuple[str, ...]
    """Written beside the artifact; the first is the HTML report."""

    def lines(self, size: int, model: Sequence[tuple[str, str]], judged: Sequence[tuple[str, str]]) -> str:
        """Aligned lines of (name, text): what all have in common around what is this report's own."""
        lines = [
            ("artifact", f"{self.out} ({self.model} version {self.version}), {kilobytes(size)}"),
            *model,
            ("labels", ", ".join(self.labels)),
            ("preprocessing", f"model was trained on {self.range} {self.colour}{self._proof()}"),
            *judged,
            *(("warning", warning) for warning in self.warnings),
            *(("beside it", name) for name in self.files),
        ]
        return "\n".join(f"{name + ':':<15}{text}" for name, text in lines)

    def _proof(self) -> str:
        best = next(trial for trial in self.trials if (trial.range, trial.colour) == (self.range, self.colour))
        others = [trial for trial in self.trials if trial is not best]
        text = f"{best.accuracy:.1%} of the labels found again"
        if others:
            second = max(others, key=lambda trial: trial.accuracy)
            text += f"; next {second.range} {second.colour}, {second.accuracy:.1%}"
        return f" ({text}); {self.input.resize}, {self.input.interpolation}"


@dataclass(frozen=True, slots=True)
class ConversionReport(Common):
    """Report of a conversion."""

    calibration_pictures: int
    evaluation: Evaluation
    bytes: Sizes
    parity: Parity
    layers: tuple[LayerReport, ...]
    float_latency_ms: float
    """Latency of the float32 ``.tflite`` on the first runtime."""
    recipe: Quantize = "int8"
    recipes: tuple[RecipeReport, ...] = ()
    """Those that were tried, when several were."""
    onnx: OnnxReport | None = None
    choice: str = ""
    """Why this one, then."""
    tuning: TuningReport | None = None

    def summary(self) -> str:
        """A few aligned lines."""
        found = self.evaluation
        gain = 100 * (found.accuracy_quantized - found.accuracy_float)
        return self.lines(
            self.bytes.artifact,
            [
                ("model", f"{self.recipe} {kilobytes(self.bytes.quantized)}, float32 {kilobytes(self.bytes.float)}"),
                *((("recipe", self.choice),) if self.choice else ()),
                *self._tuning(),
            ],
            [
                ("accuracy", f"{self._accuracies()} ({gain:+.1f} points)"),
                ("agreement", f"{found.agreement:.1%} of {found.samples} evaluation pictures"),
                *(("runtime", runtime.line()) for runtime in self.runtimes),
                *((("onnx", self.onnx.line()),) if self.onnx else ()),
            ],
        )

    def _tuning(self) -> list[tuple[str, str]]:
        if self.tuning is None:
            return []
        pruned = self.tuning.pruning
        return [("fine-tuning", self.tuning.line()), *([("pruning", pruned.line())] if pruned else [])]

    def _accuracies(self) -> str:
        first, last = self.parity.models[0], self.parity.models[-1]
        intervals = [f"{one.accuracy:.1%} [{100 * one.low:.1f}–{100 * one.high:.1f}]" for one in (first, last)]
        return f"float {intervals[0]}, {self.recipe} {intervals[1]}"


def kilobytes(size: int) -> str:
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.2f} MB"
