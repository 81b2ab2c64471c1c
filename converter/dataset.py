"""Labelled pictures: one folder per label, as ``keras.utils.image_dataset_from_directory`` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConversionError
from edge.frames.images import IMAGE_SUFFIXES, find_images
from edge.typed import nearest

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """``classes[i]``, an index into ``labels``, belongs to ``paths[i]``."""

    labels: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: Indices

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, chosen: Indices) -> Dataset:
        return Dataset(self.labels, tuple(self.paths[i] for i in chosen), self.classes[chosen])

    def at_most(self, count: int, seed: int) -> Dataset:
        """A random part, in the order of the whole."""
        return self.take(at_most(len(self), count, seed))

    def split(self, share: float, seed: int) -> tuple[Dataset, Dataset]:
        """Two parts, the second with ``share`` of each class; a class's only picture goes to the first."""
        rng = np.random.default_rng(seed)
        second = []
        for index in range(len(self.labels)):
            members = np.flatnonzero(self.classes == index)
            second.append(rng.permutation(members)[: int(len(members) * share)])
        chosen = np.sort(np.concatenate(second))
        return self.take(np.setdiff1d(np.arange(len(self)), chosen)), self.take(chosen)


def find(folder: Path, labels: Sequence[str] | None = None) -> Dataset:
    """The pictures below ``folder``; files beside the label folders are passed over.

    Labels are the folder names, sorted, as numbers when all are. ``labels`` gives the order of the model's outputs
    instead; it may name classes that have no folder. Raises ConversionError.
    """
    folders = _label_folders(folder)
    names = tuple(labels) if labels else tuple(_sorted([one.name for one in folders]))
    _check_labels(folders, names)
    paths: list[Path] = []
    classes: list[int] = []
    for one in folders:
        found = find_images(one)
        if not found:
            raise ConversionError(f"{one}: no pictures in it; expected {', '.join(sorted(IMAGE_SUFFIXES))} files")
        paths += found
        classes += [names.index(one.name)] * len(found)
    return Dataset(names, tuple(paths), np.array(classes, np.int64))


def at_most(size: int, count: int, seed: int) -> Indices:
    """Positions of a random part of ``size`` things, in order."""
    return np.sort(np.random.default_rng(seed).permutation(size)[:count])


def balanced(classes: Indices, count: int, seed: int) -> Indices:
    """At most ``count`` positions, the classes taken in turn while they last; in random order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    rank = np.empty(len(classes), np.int64)
    for index in np.unique(classes):
        members = order[classes[order] == index]
        rank[members] = np.arange(len(members))
    return rng.permutation(np.lexsort((order, rank))[:count])


def _label_folders(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ConversionError(f"{folder}: cannot be read ({error.strerror}); expected one folder per label") from None
    folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    if len(folders) < 2:
        found = folders[0].name if folders else "none"
        raise ConversionError(f"{folder}: expected one folder per label, two or more; found {found}")
    return folders


def _sorted(names: list[str]) -> list[str]:
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else sorted(names)


def _check_labels(folders: list[Path], names: tuple[str, ...]) -> None:
    for one in folders:
        if one.name not in names:
            raise ConversionError(f"{one}: not one of the labels; {nearest(one.name, list(names))}")
