"""Features of the simulated line's pictures, kept under build/bench-data: drawing them takes minutes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.drift import FEATURES, measure
from edge.sim import LABELS, SimulatedLine

FOLDER = Path("build") / "bench-data"
SIZE = "width=96&height=72"


class Measured(NamedTuple):
    features: NDArray[np.float64]
    """(n, features) in the order of FEATURES."""
    labels: NDArray[np.int64]
    """True ones, indices into edge.sim.LABELS; of a free-running camera all 0."""


def measured(options: str, count: int, first: int = 0) -> Measured:
    """Of ``count`` small frames of ``sim://line?options`` from ``first`` on. Another seed is another belt."""
    key = hashlib.sha256(f"{options} {count} {first} {SIZE} {tuple(FEATURES)} {_code()}".encode()).hexdigest()[:16]
    path = FOLDER / f"line-{key}.npz"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        line = SimulatedLine.from_uri(f"sim://line?{SIZE}&{options}")
        features = np.array([measure(line.image(number)) for number in range(first, first + count)])
        labels = np.zeros(count, np.int64)
        if "trigger=free" not in options:
            labels = np.array([LABELS.index(line.truth(number)) for number in range(first, first + count)])
        with path.with_suffix(".part").open("wb") as file:
            np.savez(file, features=features, labels=labels)
        path.with_suffix(".part").rename(path)
    with np.load(path) as data:
        return Measured(data["features"], data["labels"])


def _code() -> str:
    """Of whatever the pictures and the features depend on."""
    root = Path(__file__).parents[2] / "edge"
    sources = [*sorted((root / "sim").glob("*.py")), root / "drift" / "features.py"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
