"""MobileNetV2 with random weights, as an artifact: what a frame costs does not depend on what the weights say.

Run as a program it makes one, in a process of its own: TensorFlow must not be in the one that measures.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from edge.inference.artifact.artifact import LABELS as LABELS_FILE
from edge.inference.artifact.artifact import REFERENCE
from edge.sim import SimulatedLine
from edge.sim.options import LABELS

FOLDER = Path("build") / "bench-data"
CLASSES = 1000
REFERENCE_PARTS = 300


def mobilenet_v2(size: int, alpha: float = 1.0, classes: int = CLASSES) -> Path:
    """The artifact, int8, ``size``×``size`` RGB; made once and kept."""
    path = FOLDER / f"mobilenet_v2_{alpha:g}_{size}_{classes}.tflite"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        words = [str(size), str(alpha), str(classes), str(path)]
        subprocess.run([sys.executable, "-m", "tests.bench.models", *words], check=True, stderr=subprocess.DEVNULL)
    return path


def watched(size: int, folder: Path) -> Path:
    """One with five classes and a drift reference of the simulated line, made anew in ``folder``."""
    from edge.inference.artifact import Artifact

    plain = mobilenet_v2(size, classes=len(LABELS))
    path = folder / f"watched_{size}.tflite"
    path.write_bytes(_packed(Artifact.load(plain).model, path.stem, LABELS, {REFERENCE: drift_reference(plain)}))
    return path


def drift_reference(artifact: Path) -> bytes:
    """Of the simulated line through a model, packed."""
    from edge.drift import FEATURES, Reference, measure
    from edge.inference.model import load

    model, line = load(artifact), SimulatedLine.from_uri("sim://line?width=640&height=480")
    features, scores, predicted = [], [], []
    for part in range(REFERENCE_PARTS):
        decision = model.predict(line.image(part))
        features.append(measure(model.preprocess.small))
        scores.append(decision.scores)
        predicted.append(decision.index)
    return Reference.fit(np.array(features), np.array(scores), predicted, model.labels, tuple(FEATURES)).to_bytes()


def make(size: int, alpha: float, classes: int, path: Path) -> None:
    """Weights as Keras draws them, calibrated on noise."""
    import keras

    from converter.loading.loading import load
    from converter.preprocessing.conventions import Convention
    from converter.progress import Progress
    from converter.quantization.modes import Quantizer
    from converter.quantization.quantize import Graph

    keras.utils.set_random_seed(1)
    model = load(keras.applications.MobileNetV2((size, size, 3), alpha=alpha, weights=None, classes=classes))
    pixels = np.random.default_rng(1).integers(0, 256, (4, size, size, 3), np.uint8)
    made = Quantizer(Graph(model, Convention("-1..1", "RGB"), "softmax"), pixels, Progress()).make("int8")
    labels = LABELS if classes == len(LABELS) else tuple(f"class {number}" for number in range(classes))
    path.write_bytes(_packed(made.model, path.stem, labels, {}))


def _packed(model: bytes, name: str, labels: tuple[str, ...], files: dict[str, bytes]) -> bytes:
    from converter.flatbuffer import package
    from edge.inference.artifact.manifest import InputSpec, Manifest, OutputSpec
    from edge.inference.interpreter import open_interpreter

    interpreter = open_interpreter(model)
    source, result = interpreter.inputs[0], interpreter.outputs[0]
    manifest = Manifest(
        model=name,
        version=1,
        created="2026-01-01T00:00:00Z",
        input=InputSpec(*source.shape[1:], "uint8"),
        output=OutputSpec(len(labels), "uint8", result.scale, result.zero_point),
        flatbuffer_sha256="",
    )
    described = package.with_metadata(model, manifest, "For the bench.")
    return package.build(described, manifest, {LABELS_FILE: package.labels_file(labels), **files})


if __name__ == "__main__":
    make(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
