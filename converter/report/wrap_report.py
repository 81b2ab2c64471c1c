"""Findings about a ready ``.tflite`` that was wrapped, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass

from converter.measurement.parity import ParityRun
from converter.report.report import Common
from edge.inference.artifact.manifest import Accuracy


@dataclass(frozen=True, slots=True)
class WrapSizes:
    """In bytes."""

    model: int
    """The file as it came."""
    artifact: int
    """The whole file."""


@dataclass(frozen=True, slots=True)
class WrapReport(Common):
    """Report on a model that was converted elsewhere: there is no other to compare it with."""

    accuracy: Accuracy
    judgement: ParityRun
    bytes: WrapSizes

    def summary(self) -> str:
        """A few aligned lines."""
        found, judged = self.accuracy, self.judgement.model
        interval = f"[{100 * judged.low:.1f}–{100 * judged.high:.1f}]"
        return self.lines(
            self.bytes.artifact,
            [("model", f"{self.input.dtype} in, {self.output.dtype} out, as it came")],
            [
                ("accuracy", f"{found.accuracy:.1%} {interval} of {found.samples} evaluation pictures"),
                *(("runtime", runtime.line()) for runtime in self.runtimes),
            ],
        )
