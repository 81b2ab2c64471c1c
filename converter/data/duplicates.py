"""Pictures that are there twice, found by what they show and not by their names.

A picture that both calibrates and measures flatters the figures; one that has two labels cannot be judged rightly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.data.samples import PixelSamples, join

SIDE = 32
"""Near-identical pictures are compared at this height and width."""
NEAR = 6
"""Grey levels by which no pixel of near-identical pictures differs at that size. Photographs that are saved once more
as JPEG stay below it (4 at quality 40); other parts before the same background do not (32 and more)."""
NAMED = 3
"""Pairs that a warning names."""

DuplicatePair = tuple[Path, Path]


@dataclass(frozen=True)
class Duplicates:
    """Pairs of pictures; in ``identical`` and ``near`` the first calibrates and the second measures."""

    identical: tuple[DuplicatePair, ...]
    """The same decoded pixels."""
    near: tuple[DuplicatePair, ...]
    contradicting: tuple[DuplicatePair, ...]
    """The same decoded pixels under two labels, in either part."""

    def warnings(self) -> list[str]:
        found = [
            (self.identical, "evaluation pictures are in the calibration set too, which flatters the figures"),
            (self.near, "evaluation pictures are nearly the same as one of the calibration set"),
            (self.contradicting, "pictures have two labels"),
        ]
        return [f"{len(pairs)} {what}: {_names(pairs)}" for pairs, what in found if pairs]


def find_duplicates(known: PixelSamples, unseen: PixelSamples) -> Duplicates:
    """Between the pictures that calibrate and those that measure."""
    first = {digest: path for path, digest in zip(reversed(known.paths), reversed(known.digests), strict=True)}
    identical = [
        (first[digest], path) for path, digest in zip(unseen.paths, unseen.digests, strict=True) if digest in first
    ]
    same = {path for _, path in identical}
    near = [pair for pair in _near(known, unseen) if pair[1] not in same]
    return Duplicates(tuple(identical), tuple(near), tuple(_contradicting(join(known, unseen))))


def _contradicting(samples: PixelSamples) -> list[DuplicatePair]:
    seen: dict[str, int] = {}
    pairs = []
    for index, digest in enumerate(samples.digests):
        other = seen.setdefault(digest, index)
        if samples.classes[other] != samples.classes[index]:
            pairs.append((samples.paths[other], samples.paths[index]))
    return pairs


def _near(known: PixelSamples, unseen: PixelSamples) -> list[DuplicatePair]:
    """Compares by the sum of squares first: one matrix product instead of a look at every pair."""
    references, asked = _thumbnails(known.small), _thumbnails(unseen.small)
    most = references.shape[1] * (NEAR / 2) ** 2
    squares = (references**2).sum(axis=1)
    pairs = []
    for path, row in zip(unseen.paths, asked, strict=True):
        distance = squares + (row**2).sum() - 2 * references @ row
        for index in np.flatnonzero(distance <= most):
            if np.abs(references[index] - row).max() <= NEAR:
                pairs.append((known.paths[index], path))
                break
    return pairs


def _thumbnails(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, height, width, 3) → (n, values) grey."""
    resized = [cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for one in small]
    grey = [cv2.cvtColor(one, cv2.COLOR_BGR2GRAY).astype(np.float32) for one in resized]
    flat: NDArray[np.float32] = np.stack(grey).reshape(len(small), -1)
    return flat


def _names(pairs: tuple[DuplicatePair, ...]) -> str:
    shown = ", ".join(f"{second} = {first}" for first, second in pairs[:NAMED])
    return shown + (", …" if len(pairs) > NAMED else "")
