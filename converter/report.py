"""What a conversion found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass

from converter.choices import Range
from edge.artifact.manifest import Evaluation, InputSpec, OutputSpec
from edge.choices import Colour


@dataclass(frozen=True, slots=True)
class TrialReport:
    range: Range
    colour: Colour
    accuracy: float


@dataclass(frozen=True, slots=True)
class RuntimeReport:
    """The artifact on one runtime, on the same evaluation pictures; ``agreement`` with the first runtime."""

    platform: str
    samples: int
    accuracy: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """In bytes."""

    float: int
    """The float32 ``.tflite`` of the same graph."""
    quantized: int
    """The int8 flatbuffer alone."""
    artifact: int
    """The whole file."""


@dataclass(frozen=True, slots=True)
class Report:
    out: str
    model: str
    version: int
    labels: tuple[str, ...]
    range: Range
    """What the model itself was trained on; the artifact takes 0..255."""
    colour: Colour
    trials: tuple[TrialReport, ...]
    input: InputSpec
    output: OutputSpec
    calibration_pictures: int
    evaluation: Evaluation
    runtimes: tuple[RuntimeReport, ...]
    min_runtime: str
    golden_tolerance: int
    bytes: Sizes
    damaged: tuple[str, ...]
    """Pictures that could not be read."""
    warnings: tuple[str, ...]
    seed: int

    def summary(self) -> str:
        """A few aligned lines."""
        found = self.evaluation
        gain = 100 * (found.accuracy_quantized - found.accuracy_float)
        lines = [
            ("artifact", f"{self.out} ({self.model} version {self.version}), {_kilobytes(self.bytes.artifact)}"),
            ("model", f"int8 {_kilobytes(self.bytes.quantized)}, float32 {_kilobytes(self.bytes.float)}"),
            ("labels", ", ".join(self.labels)),
            ("preprocessing", f"model was trained on {self.range} {self.colour}{self._proof()}"),
            (
                "accuracy",
                f"float {found.accuracy_float:.1%}, int8 {found.accuracy_quantized:.1%} ({gain:+.1f} points)",
            ),
            ("agreement", f"{found.agreement:.1%} of {found.samples} evaluation pictures"),
            *(("runtime", _runtime(runtime)) for runtime in self.runtimes),
            *(("warning", warning) for warning in self.warnings),
        ]
        return "\n".join(f"{name + ':':<15}{text}" for name, text in lines)

    def _proof(self) -> str:
        ranked = sorted(self.trials, key=lambda trial: -trial.accuracy)
        if len(ranked) == 1:
            return f" (as given; {ranked[0].accuracy:.1%} of the labels found again)"
        second = ranked[1]
        return f" ({ranked[0].accuracy:.1%} of the labels found again; next {second.range} {second.colour}, " + (
            f"{second.accuracy:.1%})"
        )


def _runtime(runtime: RuntimeReport) -> str:
    return f"{runtime.platform}: {runtime.accuracy:.1%} of {runtime.samples}, agreement {runtime.agreement:.1%}"


def _kilobytes(size: int) -> str:
    return f"{size / 1000:.1f} kB"
