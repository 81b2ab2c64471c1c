"""Pictures as the device sees them: read by ``edge.inference.frames``, preprocessed by
``edge.inference.preprocess``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import Dataset, at_most
from converter.progress import Progress
from converter.quiet import quietly
from edge.core.arrays import Integers
from edge.errors import ConversionError
from edge.inference.artifact.manifest import InputSpec
from edge.inference.frames.folder import read_image
from edge.inference.frames.frame import Image
from edge.inference.preprocess import Preprocessor


@dataclass(frozen=True)
class PixelSamples:
    """``pixels`` are the input tensors, (n, height, width, channels) uint8; ``small`` the resized pictures, BGR."""

    labels: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: Integers
    pixels: NDArray[np.uint8]
    small: NDArray[np.uint8]
    damaged: tuple[Path, ...]
    shapes: NDArray[np.int64]
    """Height and width of the pictures before they were resized, (n, 2)."""
    digests: tuple[str, ...]
    """SHA-256 of the decoded pixels before they were resized: what the picture shows, whatever file it is in."""

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, chosen: Integers) -> PixelSamples:
        return replace(
            self,
            paths=tuple(self.paths[i] for i in chosen),
            classes=self.classes[chosen],
            pixels=self.pixels[chosen],
            small=self.small[chosen],
            shapes=self.shapes[chosen],
            digests=tuple(self.digests[i] for i in chosen),
        )

    def at_most(self, count: int, seed: int) -> PixelSamples:
        """A random part, in the order of the whole."""
        return self.take(at_most(len(self), count, seed))


def read(dataset: Dataset, spec: InputSpec, progress: Progress) -> PixelSamples:
    """Reads every picture; those that cannot be read are named and skipped.

    ``spec`` must be of a uint8 input. Raises ConversionError when a class has no readable picture.
    """
    preprocess = Preprocessor(spec)
    pixels = np.empty((len(dataset), spec.height, spec.width, spec.channels), np.uint8)
    small = np.empty((len(dataset), spec.height, spec.width, 3), np.uint8)
    shapes = np.zeros((len(dataset), 2), np.int64)
    digests = [""] * len(dataset)
    with quietly("the pictures cannot be read"):
        for index, path in enumerate(progress.count(dataset.paths, len(dataset), "read")):
            image = read_image(path)
            if image is not None:
                pixels[index], small[index] = preprocess(image)[0], preprocess.small
                shapes[index], digests[index] = image.shape[:2], _digest(image)
    readable = np.array([bool(digest) for digest in digests], np.bool_)
    damaged = tuple(dataset.paths[i] for i in np.flatnonzero(~readable))
    for path in damaged:
        progress.say(f"warning: {path} {_why(path)}; skipped")
    part = dataset.take(np.flatnonzero(readable))
    _check_classes(dataset, part)
    whole = PixelSamples(
        dataset.labels, dataset.paths, dataset.classes, pixels, small, damaged, shapes, tuple(digests)
    )
    return whole.take(np.flatnonzero(readable))


def tensors(paths: Sequence[Path], specs: Sequence[InputSpec], progress: Progress) -> list[NDArray[np.uint8]]:
    """Readable pictures by several rules: for each spec the input tensors, (n, height, width, channels) uint8."""
    ways = [Preprocessor(spec) for spec in specs]
    found = [np.zeros((len(paths), spec.height, spec.width, spec.channels), np.uint8) for spec in specs]
    with quietly("the pictures cannot be read"):
        for index, path in enumerate(progress.count(paths, len(paths), "read")):
            image = read_image(path)
            if image is not None:
                for way, pixels in zip(ways, found, strict=True):
                    pixels[index] = way(image)[0]
    return found


def _digest(image: Image) -> str:
    shape = np.array(image.shape, "<i8").tobytes()
    return hashlib.sha256(shape + image.tobytes()).hexdigest()


def _why(path: Path) -> str:
    try:
        path.open("rb").close()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "cannot be read as a picture"


def _check_classes(dataset: Dataset, part: Dataset) -> None:
    for index in np.setdiff1d(dataset.classes, part.classes):
        raise ConversionError(f"label {dataset.labels[index]!r}: none of its pictures can be read")


def join(first: PixelSamples, second: PixelSamples) -> PixelSamples:
    """Both, of the same labels and shapes."""
    return PixelSamples(
        first.labels,
        first.paths + second.paths,
        np.concatenate([first.classes, second.classes]),
        np.concatenate([first.pixels, second.pixels]),
        np.concatenate([first.small, second.small]),
        first.damaged + second.damaged,
        np.concatenate([first.shapes, second.shapes]),
        first.digests + second.digests,
    )
