"""What wrapping a ready ``.tflite`` found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass

from converter.choices import Range
from converter.report import RuntimeReport, TrialReport
from edge.artifact.manifest import Accuracy, InputSpec, OutputSpec
from edge.choices import Colour


@dataclass(frozen=True, slots=True)
class WrapReport:
    out: str
    model: str
    version: int
    labels: tuple[str, ...]
    range: Range
    """What the model was trained on; the artifact's input says how pixels become that."""
    colour: Colour
    trials: tuple[TrialReport, ...]
    input: InputSpec
    output: OutputSpec
    accuracy: Accuracy
    runtimes: tuple[RuntimeReport, ...]
    min_runtime: str
    golden_tolerance: int
    bytes: int
    """The whole file."""
    damaged: tuple[str, ...]
    """Pictures that could not be read."""
    warnings: tuple[str, ...]
    seed: int

    def summary(self) -> str:
        """A few aligned lines."""
        lines = [
            ("artifact", f"{self.out} ({self.model} version {self.version}), {self.bytes / 1000:.1f} kB"),
            ("model", f"{self.input.dtype} in, {self.output.dtype} out, as it came"),
            ("labels", ", ".join(self.labels)),
            ("preprocessing", f"model was trained on {self.range} {self.colour}"),
            ("accuracy", f"{self.accuracy.accuracy:.1%} of {self.accuracy.samples} evaluation pictures"),
            *(
                ("runtime", f"{one.platform}: {one.accuracy:.1%} of {one.samples}, agreement {one.agreement:.1%}")
                for one in self.runtimes
            ),
            *(("warning", warning) for warning in self.warnings),
        ]
        return "\n".join(f"{name + ':':<15}{text}" for name, text in lines)
