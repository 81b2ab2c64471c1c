"""``python -m tests.bench``: the table, and build/bench.json. Status 1 when a bar is missed."""

from __future__ import annotations

import json
import sys
import tempfile
from itertools import chain
from pathlib import Path

from edge.artifact.describe import Given
from tests.bench import converter, device, drift
from tests.bench.timing import Row

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data"
OUT = Path("build") / "bench.json"


def main() -> int:
    model, given = _model()
    sys.stdout.write(f"model: {model.name}\n")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for row in chain(device.rows(model, given, Path(folder)), converter.rows(Path(folder)), drift.rows()):
            sys.stdout.write(_line(row) + "\n")
            sys.stdout.flush()
            found.append(row)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([row.__dict__ | {"ratio": row.ratio} for row in found], indent=2) + "\n", "utf-8")
    return int(not all(row.holds for row in found))


def _model() -> tuple[Path, Given]:
    """A real person detector, 96×96 int8, where the third-party files are; else the tiny model of the tests."""
    person = MODELS / "models" / "mlcommons_tiny" / "vww_96_int8.tflite"
    if person.exists():
        return person, Given(colour="RGB", range="0..1")
    return Path(__file__).parents[1] / "data" / "colour.tflite", Given(colour="RGB", range="0..255")


def _line(row: Row) -> str:
    other = "" if row.other is None else f"against {row.other:8.3f} {row.unit:<3}"
    ratio = "" if row.ratio is None else f"ratio {row.ratio:6.2f}"
    mark = "✓" if row.holds else "✗"
    return f"{mark} {row.name:<72} {row.ours:8.3f} {row.unit:<3} {other:<22} {ratio:<13} bar: {row.bar}"


if __name__ == "__main__":
    sys.exit(main())
