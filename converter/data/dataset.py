"""Labelled pictures: one folder per label, as ``keras.utils.image_dataset_from_directory`` reads them, or a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter.data.listing import read_listing
from edge.core.arrays import Integers
from edge.core.structs import nearest
from edge.errors import ConversionError
from edge.inference.frames.images import IMAGE_SUFFIXES, find_images

EXPECTED = "a folder with one folder per label, or a .csv of path,label"


@dataclass(frozen=True)
class Dataset:
    """``classes[i]``, an index into ``labels``, belongs to ``paths[i]``."""

    labels: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: Integers

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, chosen: Integers) -> Dataset:
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


def find(source: Path, labels: Sequence[str] | None = None) -> Dataset:
    """The pictures below a folder with one folder per label (files beside those are passed over), or of a ``.csv``.

    Labels are sorted, as numbers when all are. ``labels`` gives the order of the model's outputs instead; it may
    name classes without pictures. Raises ConversionError.
    """
    listed = source.suffix.lower() == ".csv"
    found = read_listing(source) if listed else list(_in_folders(source))
    present = dict.fromkeys(label for _, label in found)
    if len(present) < 2:
        raise ConversionError(f"{source}: all pictures have the label {next(iter(present))!r}; expected two or more")
    names = tuple(labels) if labels else tuple(_sorted(list(present)))
    for label in present:
        if label not in names:
            place = source if listed else source / label
            raise ConversionError(f"{place}: {label!r} is not one of the labels; {nearest(label, list(names))}")
        if not label.isprintable():
            raise ConversionError(f"{source}: label {label!r}; expected printable letters on one line")
    classes = np.array([names.index(label) for _, label in found], np.int64)
    return Dataset(names, tuple(path for path, _ in found), classes)


def at_most(size: int, count: int, seed: int) -> Integers:
    """Positions of a random part of ``size`` things, in order."""
    return np.sort(np.random.default_rng(seed).permutation(size)[:count])


def balanced(classes: Integers, count: int, seed: int) -> Integers:
    """At most ``count`` positions, the classes taken in turn while they last; in random order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    rank = np.empty(len(classes), np.int64)
    for index in np.unique(classes):
        members = order[classes[order] == index]
        rank[members] = np.arange(len(members))
    return rng.permutation(np.lexsort((order, rank))[:count])


def _in_folders(folder: Path) -> Iterator[tuple[Path, str]]:
    for one in _label_folders(folder):
        found = find_images(one)
        if not found:
            raise ConversionError(f"{one}: no pictures in it; expected {', '.join(sorted(IMAGE_SUFFIXES))} files")
        yield from ((path, one.name) for path in found)


def _label_folders(folder: Path) -> list[Path]:
    try:
        folders = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    except OSError as error:
        raise ConversionError(f"{folder}: cannot be read ({error.strerror}); expected {EXPECTED}") from None
    if len(folders) < 2:
        found = folders[0].name if folders else "none"
        raise ConversionError(f"{folder}: expected one folder per label, two or more; found {found}")
    return folders


def _sorted(names: list[str]) -> list[str]:
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else sorted(names)
