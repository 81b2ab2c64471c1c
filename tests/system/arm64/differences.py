"""How far the answers of x86-64 and of emulated ARM64 lie apart: artifacts made here, goldens checked there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from converter.settings import Settings
from converter.wrapping import wrap
from edge.core.choices import Colour, Range
from edge.inference.artifact import Artifact
from edge.inference.artifact.describe import Given
from edge.inference.frames.frame import Image
from edge.inference.model import Model, load
from edge.inference.preprocess import Preprocessor
from edge.sim import SimulatedLine
from tests.system.arm64.board import emulated

SURE = 0.7
PICTURES = 60
COMPARED = 10
DATA = Path(__file__).resolve().parents[2] / "data"
OURS: dict[str, tuple[Path, Colour, Range]] = {"cookie": (DATA / "cookie.tflite", "RGB", "0..255")}


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one model, runtime and choice of kernels, in quantization steps; 1/256 for float32."""

    model: str
    runtime: str
    kernels: str
    largest: float
    """Of all outputs on all pictures, x86-64 against ARM64."""
    same_class: float
    """Share of the pictures."""
    tolerance: int
    """What the manifest allows on the golden samples."""
    golden: int | str
    """By how much they came out apart on ARM64, or why it refuses the artifact."""

    @property
    def holds(self) -> bool:
        return isinstance(self.golden, int) and self.golden <= self.tolerance


def third_party(shared_data: Path) -> dict[str, tuple[Path, Colour, Range]]:
    """Models by others small enough for the emulator, and what they do not state."""
    tiny = shared_data / "models" / "mlcommons_tiny"
    return {
        "resnet": (tiny / "pretrainedResnet_quant.tflite", "RGB", "0..255"),
        "emotion": (shared_data / "models" / "fer" / "emotion_model_quantized.tflite", "GRAY", "-1..1"),
        "person": (tiny / "vww_96_int8.tflite", "RGB", "0..1"),
    }


def crops(shared_data: Path, count: int) -> Iterator[Image]:
    """Pieces of real photographs, 96×96."""
    rng = np.random.default_rng(0)
    paths = [*sorted(shared_data.glob("tflite_ok/*.jpg")), *sorted(shared_data.glob("aliens/*/*.png"))[::20]]
    for picture in (cv2.imread(str(path)) for path in paths):
        height, width = picture.shape[:2]
        for _ in range(count // len(paths) + 1):
            side = int(min(height, width) * rng.uniform(0.2, 1.0))
            top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
            piece = picture[top : top + side, left : left + side]
            yield cv2.resize(piece, (96, 96), interpolation=cv2.INTER_AREA).astype(np.uint8)


def parts(count: int) -> list[Image]:
    """Of the simulated line."""
    line = SimulatedLine.from_uri("sim://line")
    return [line.image(number) for number in range(count)]


def pack(name: str, path: Path, colour: Colour, range_: Range, pictures: list[Image], folder: Path) -> None:
    """``folder/NAME.tflite``, an artifact made on this machine, and ``NAME.npy``, input tensors.

    The labels are the model's own where it is sure, so that no labelled pictures are needed.
    """
    model, data = load(path, given=Given(colour=colour, range=range_)), folder / name
    labels = folder / f"{name}.txt"
    labels.write_text("".join(f"{index}\n" for index in range(model.description.output.size)), "utf-8")
    for number, (picture, label) in enumerate(zip(pictures, _labels(model, pictures), strict=True)):
        if label is not None:
            (data / str(label)).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(data / str(label) / f"{number}.png"), picture)
    wrap(path, data, folder / f"{name}.tflite", Settings(labels=labels, range=range_, colour=colour))
    preprocess = Preprocessor(model.description.input)
    np.save(folder / f"{name}.npy", np.stack([preprocess(picture)[0].copy() for picture in pictures[:COMPARED]]))


def _labels(model: Model, pictures: list[Image]) -> list[int | None]:
    """None where the model is not sure. A data set needs two labels: where only one is seen, the least sure picture
    gets the other.
    """
    decisions = [model.predict(picture) for picture in pictures]
    labels = [decision.index if decision.score >= SURE else None for decision in decisions]
    seen = {label for label in labels if label is not None}
    if len(seen) == 1:
        least = min(range(len(decisions)), key=lambda number: decisions[number].score)
        labels[least] = int(0 in seen)
    return labels


def compare(folder: Path) -> list[Difference]:
    """Of every artifact that was packed into the folder."""
    words = ["-m", "tests.system.arm64.answers", str(folder)]
    subprocess.run([sys.executable, *words], check=True)
    emulated(*words, timeout_s=900)
    here, there = np.load(folder / "x86_64.npz"), np.load(folder / "aarch64.npz")
    golden = json.loads((folder / "aarch64.json").read_text("utf-8"))
    return [_difference(folder, key, here[key], there[key], golden[key]) for key in here.files]


def _difference(folder: Path, key: str, here: np.ndarray, there: np.ndarray, golden: int | str) -> Difference:
    name, runtime, kernels = key.split("|")
    manifest = Artifact.load(folder / f"{name}.tflite").manifest
    assert manifest is not None
    steps = 256.0 if here.dtype == np.float32 else 1.0
    return Difference(
        name,
        runtime,
        kernels,
        largest=float(np.abs(here.astype(np.float64) - there.astype(np.float64)).max() * steps),
        same_class=float((here.argmax(axis=1) == there.argmax(axis=1)).mean()),
        tolerance=manifest.golden_tolerance,
        golden=golden,
    )
