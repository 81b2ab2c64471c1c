"""MobileNetV2 with random weights, as an artifact: what a frame costs does not depend on what the weights say.

Run as a program it makes one, in a process of its own: TensorFlow must not be in the one that measures.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

FOLDER = Path("build") / "bench-data"
CLASSES = 1000


def mobilenet_v2(size: int, alpha: float = 1.0) -> Path:
    """The artifact, int8, ``size``×``size`` RGB; made once and kept."""
    path = FOLDER / f"mobilenet_v2_{alpha:g}_{size}.tflite"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "tests.bench.models", str(size), str(alpha), str(path)], check=True)
    return path


def make(size: int, alpha: float, path: Path) -> None:
    """Weights as Keras draws them, calibrated on noise."""
    import keras

    from converter.conventions import Convention
    from converter.loading import load
    from converter.modes import Workshop
    from converter.progress import Progress
    from converter.quantize import Graph

    keras.utils.set_random_seed(1)
    model = load(keras.applications.MobileNetV2((size, size, 3), alpha=alpha, weights=None, classes=CLASSES))
    pixels = np.random.default_rng(1).integers(0, 256, (4, size, size, 3), np.uint8)
    made = Workshop(Graph(model, Convention("-1..1", "RGB"), "softmax"), pixels, Progress()).make("int8")
    path.write_bytes(_packed(made.model, path.stem))


def _packed(model: bytes, name: str) -> bytes:
    from converter import package
    from edge.artifact.artifact import LABELS
    from edge.artifact.manifest import InputSpec, Manifest, OutputSpec
    from edge.interpreter import open_interpreter

    interpreter = open_interpreter(model)
    source, result = interpreter.inputs[0], interpreter.outputs[0]
    manifest = Manifest(
        model=name,
        version=1,
        created="2026-01-01T00:00:00Z",
        input=InputSpec(*source.shape[1:], "uint8"),
        output=OutputSpec(CLASSES, "uint8", result.scale, result.zero_point),
        flatbuffer_sha256="",
    )
    labels = package.labels_file(tuple(f"class {number}" for number in range(CLASSES)))
    return package.build(package.with_metadata(model, manifest, "For the bench."), manifest, {LABELS: labels})


if __name__ == "__main__":
    make(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
