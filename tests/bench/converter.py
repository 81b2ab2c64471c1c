"""What the converter makes of real models, against the quantized files that their authors ship.

Both are judged on the same pictures by how often they name the class that the float model names. The pictures'
true classes are not known; accuracy is measured against the float model's class where it is sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.choices import EPOCHS, ConverterRange, Quantize
from converter.convert import convert
from converter.data.scores import classes_of
from converter.loading.loading import load
from converter.measurement.runner import run
from converter.preprocessing.conventions import Convention
from converter.progress import Progress
from converter.quantization.quantize import Graph
from converter.report.report import ConversionReport
from converter.settings import Settings
from edge.core.arrays import Integers
from edge.core.choices import Colour
from edge.inference.artifact import Artifact
from edge.inference.interpreter import open_interpreter
from tests.bench import pictures
from tests.bench.setting import Setting
from tests.bench.timing import Row

MODELS = pictures.SHARED / "models"
SURE = 0.7


@dataclass(frozen=True)
class Recipe:
    quantize: Quantize
    fine_tune: int | None = None
    """Epochs."""
    sparsity: float = 0.0

    @property
    def name(self) -> str:
        tuned = " fine-tuned" if self.fine_tune else ""
        return f"{self.quantize}{tuned}" + (f" {self.sparsity:.0%} zeros" if self.sparsity else "")


@dataclass(frozen=True)
class Shipped:
    """A float model and the quantized file beside it. ``mean`` and ``std`` are what that file wants of pixels."""

    name: str
    keras: Path
    quantized: Path
    range: ConverterRange
    colour: Colour
    mean: float
    std: float
    classes: int
    pictures: Callable[[], pictures.Pictures]
    recipes: tuple[Recipe, ...] = (Recipe("int8"), Recipe("int8", EPOCHS))


SHIPPED = (
    Shipped(
        "resnet cifar-10",
        MODELS / "mlcommons_tiny" / "pretrainedResnet.h5",
        MODELS / "mlcommons_tiny" / "pretrainedResnet_quant.tflite",
        *("0..255", "RGB", 0.0, 1.0, 10),
        lambda: pictures.objects(32),
        (Recipe("int8"), Recipe("int8", EPOCHS), Recipe("int8", EPOCHS, 0.5)),
    ),
    Shipped(
        "visual wake words",
        MODELS / "mlcommons_tiny" / "vww_96.h5",
        MODELS / "mlcommons_tiny" / "vww_96_int8.tflite",
        *("0..1", "RGB", 0.0, 255.0, 2),
        lambda: pictures.persons(96),
    ),
    Shipped(
        "face emotions",
        MODELS / "fer" / "emotion_model.hdf5",
        MODELS / "fer" / "emotion_model_quantized.tflite",
        *("-1..1", "GRAY", 127.5, 127.5, 7),
        lambda: pictures.faces(64),
        (
            Recipe("int8"),
            Recipe("int8", EPOCHS),
            Recipe("dynamic"),
        ),  # the authors' file keeps its activations in float32
    ),
)


def rows(setting: Setting) -> Iterator[Row]:
    """None where the third-party models are missing."""
    for shipped in SHIPPED if MODELS.is_dir() else ():
        yield from _rows(shipped, setting.folder / shipped.name.replace(" ", "-"))


def _rows(shipped: Shipped, folder: Path) -> Iterator[Row]:
    folder.mkdir()
    known, unseen = shipped.pictures().halves()
    graph = Graph(load(shipped.keras), Convention(shipped.range, shipped.colour), "softmax")
    pixels = _tensors(unseen.images, shipped.colour)
    scores = graph.predict(pixels)
    truth = classes_of(scores)
    _write(known.images, classes_of(graph.predict(_tensors(known.images, shipped.colour))), folder / "known")
    _write(unseen.images, truth, folder / "unseen")
    theirs = 100 * float((_theirs(shipped, pixels) == truth).mean())
    of = f"{len(truth)} pictures of {unseen.independent} sources"
    for recipe in shipped.recipes:
        report, named = _ours(shipped, folder, recipe, pixels)
        agreement = 100 * float((named == truth).mean())
        sure = scores.max(axis=1) >= SURE
        drop = 100 * float((named != truth)[sure].mean())
        share = 100 * report.bytes.artifact / report.bytes.float
        name = f"{shipped.name}, {recipe.name}"
        yield Row(f"{name}: agrees with float on {of}", agreement, theirs, "%", "> theirs", agreement > theirs)
        yield Row(f"{name}: drop on the {sure.sum()} where float is sure", drop, None, "pt", "≤ 0.5", drop <= 0.5)
        yield Row(f"{name}: artifact of {report.bytes.float} B float", share, None, "%", "≤ 30", share <= 30)
        if report.tuning is not None and report.tuning.pruning is not None:
            after, before = report.tuning.pruning.deflated, report.tuning.pruning.deflated_before
            yield Row(f"{name}: compressed model", after / 1000, before / 1000, "kB", "< unpruned", after < before)


def _ours(
    shipped: Shipped, folder: Path, recipe: Recipe, pixels: NDArray[np.uint8]
) -> tuple[ConversionReport, Integers]:
    """The report of ``edge convert``, and the class that the artifact names for each picture."""
    labels = folder / "labels.txt"
    labels.write_text("".join(f"{number}\n" for number in range(shipped.classes)))
    settings = Settings(
        evaluation=folder / "unseen",
        labels=labels,
        range=shipped.range,
        colour=shipped.colour,
        quantize=recipe.quantize,
        fine_tune=recipe.fine_tune,
        sparsity=recipe.sparsity,
    )
    out = folder / f"{recipe.name.replace(' ', '-')}.tflite"
    report = convert(shipped.keras, folder / "known", out, settings)
    return report, run(Artifact.load(out).model, pixels, "litert", Progress()).outputs.argmax(axis=1)


def _theirs(shipped: Shipped, pixels: NDArray[np.uint8]) -> Integers:
    interpreter = open_interpreter(shipped.quantized.read_bytes(), "litert")
    info = interpreter.inputs[0]
    named = []
    for picture in pixels:
        tensor = (picture[None].astype(np.float32) - shipped.mean) / shipped.std
        if info.dtype != "float32":
            limits = np.iinfo(info.dtype)
            tensor = np.clip(np.round(tensor / info.scale) + info.zero_point, limits.min, limits.max)
        named.append(int(interpreter.invoke(tensor.astype(info.dtype)).argmax()))
    return np.array(named, np.int64)


def _write(images: NDArray[np.uint8], classes: Integers, folder: Path) -> None:
    for number, (image, index) in enumerate(zip(images, classes, strict=True)):
        label = folder / str(index)
        label.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(label / f"{number}.png"), image)


def _tensors(images: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    if colour == "RGB":
        return np.ascontiguousarray(images[..., ::-1])
    return np.stack([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images])[..., None].astype(np.uint8)
