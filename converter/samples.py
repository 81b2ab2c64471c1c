"""Pictures as the device sees them: read by ``edge.frames``, preprocessed by ``edge.preprocess``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.dataset import Dataset, Indices, at_most
from converter.progress import Progress
from converter.quiet import quietly
from edge.artifact.manifest import InputSpec
from edge.errors import ConversionError
from edge.frames.folder import read_image
from edge.preprocess import Preprocessor


@dataclass(frozen=True)
class Samples:
    """``pixels`` are the input tensors, (n, height, width, channels) uint8; ``small`` the resized pictures, BGR."""

    labels: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: Indices
    pixels: NDArray[np.uint8]
    small: NDArray[np.uint8]
    damaged: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def at_most(self, count: int, seed: int) -> Samples:
        """A random part, in the order of the whole."""
        chosen = at_most(len(self), count, seed)
        paths = tuple(self.paths[i] for i in chosen)
        return replace(
            self, paths=paths, classes=self.classes[chosen], pixels=self.pixels[chosen], small=self.small[chosen]
        )


def read(dataset: Dataset, spec: InputSpec, progress: Progress) -> Samples:
    """Reads every picture; those that cannot be read are named and skipped.

    ``spec`` must be of a uint8 input. Raises ConversionError when a class has no readable picture.
    """
    preprocess = Preprocessor(spec)
    pixels = np.empty((len(dataset), spec.height, spec.width, spec.channels), np.uint8)
    small = np.empty((len(dataset), spec.height, spec.width, 3), np.uint8)
    readable = np.zeros(len(dataset), np.bool_)
    with quietly("the pictures cannot be read"):
        for index, path in enumerate(progress.count(dataset.paths, len(dataset), "read")):
            image = read_image(path)
            if image is not None:
                pixels[index], small[index] = preprocess(image)[0], preprocess.small
                readable[index] = True
    damaged = tuple(dataset.paths[i] for i in np.flatnonzero(~readable))
    for path in damaged:
        progress.say(f"warning: {path} cannot be read as a picture; skipped")
    part = dataset.take(np.flatnonzero(readable))
    _check_classes(dataset, part)
    return Samples(part.labels, part.paths, part.classes, pixels[readable], small[readable], damaged)


def _check_classes(dataset: Dataset, part: Dataset) -> None:
    for index in np.setdiff1d(dataset.classes, part.classes):
        raise ConversionError(f"label {dataset.labels[index]!r}: none of its pictures can be read")


def join(first: Samples, second: Samples) -> Samples:
    """Both, of the same labels and shapes."""
    return Samples(
        first.labels,
        first.paths + second.paths,
        np.concatenate([first.classes, second.classes]),
        np.concatenate([first.pixels, second.pixels]),
        np.concatenate([first.small, second.small]),
        first.damaged + second.damaged,
    )
