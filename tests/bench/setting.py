"""What the sections of the bench have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.inference.artifact.describe import Given

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Setting:
    folder: Path
    """For what is written; gone afterwards."""

    @property
    def model(self) -> Path:
        """A real person detector, 96×96 int8, where the third-party files are; else the tiny model of the tests."""
        person = SHARED / "models" / "mlcommons_tiny" / "vww_96_int8.tflite"
        return person if person.exists() else Path(__file__).parents[1] / "data" / "colour.tflite"

    @property
    def given(self) -> Given:
        """What that model does not state itself."""
        return Given(colour="RGB", range="0..1" if self.model.name.startswith("vww") else "0..255")
