"""Pictures for real models whose own test sets are not at hand: seeded crops and compositions of real photographs.

Photographs are the third-party files beside the project and those that scikit-image's wheel holds, whose hundred
labelled faces (Labeled Faces in the Wild, 25×25) are the only ones within reach. Pictures of one photograph resemble
each other, so a whole photograph (or person) belongs either to the calibration or to the evaluation, and it is their
number that says how much the figures mean.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
WHEELS = Path("build") / "bench-data"
_WHEEL = "scikit-image==0.25.2"
_INSIDE = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
FACES = 100
FRAMES = 12
"""Taken of each video."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """``images``: n of H×W×3 BGR; ``sources``: which photograph or person each is of."""

    images: NDArray[np.uint8]
    sources: NDArray[np.int64]

    def halves(self) -> tuple[Pictures, Pictures]:
        """By source: to calibrate, to evaluate."""
        order = np.random.default_rng(1).permutation(int(self.sources.max()) + 1)
        first = np.isin(self.sources, order[: len(order) // 2])
        return self._take(first), self._take(~first)

    @property
    def independent(self) -> int:
        return len(np.unique(self.sources))

    def _take(self, chosen: NDArray[np.bool_]) -> Pictures:
        return Pictures(self.images[chosen], self.sources[chosen])


def objects(size: int, each: int = 12) -> Pictures:
    """Crops of photographs, mirrored by chance, darker and lighter."""
    rng = np.random.default_rng(0)
    made = [(_crop(rng, photo, size), index) for index, photo in enumerate(_photographs()) for _ in range(each)]
    return _pictures(made)


def persons(size: int) -> Pictures:
    """Crops of photographs, a face put into more than half of them."""
    rng = np.random.default_rng(0)
    plain = objects(size)
    images = [_with_face(rng, image) if rng.random() < 0.6 else image for image in plain.images]
    return Pictures(np.stack(images), plain.sources)


def faces(size: int, each: int = 16) -> Pictures:
    """Faces, turned and shifted a little."""
    rng = np.random.default_rng(0)
    return _pictures([(_turned(rng, face, size), index) for index, face in enumerate(_faces()) for _ in range(each)])


def _pictures(made: list[tuple[Image, int]]) -> Pictures:
    return Pictures(np.stack([image for image, _ in made]), np.array([index for _, index in made]))


def _crop(rng: np.random.Generator, photo: Image, size: int) -> Image:
    height, width = photo.shape[:2]
    side = int(min(height, width) * rng.uniform(0.2, 1.0))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    crop = cv2.resize(photo[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
    return _lit(rng, crop[:, ::-1] if rng.random() < 0.5 else crop)


def _turned(rng: np.random.Generator, face: Image, size: int) -> Image:
    side = face.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-12, 12), rng.uniform(0.85, 1.15) * size / side)
    turn[:, 2] += (size - side) / 2 + rng.uniform(-4, 4, 2)
    turned = cv2.warpAffine(face, turn, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return _lit(rng, cv2.cvtColor(turned, cv2.COLOR_GRAY2BGR))


def _with_face(rng: np.random.Generator, image: Image) -> Image:
    size = image.shape[0]
    side = int(rng.uniform(0.3, 0.95) * size)
    face = cv2.resize(_faces()[rng.integers(FACES)], (side, side), interpolation=cv2.INTER_CUBIC)
    skin = face[..., None] * np.array([0.7, 0.82, 1.0]) * rng.uniform(0.8, 1.2)
    oval = np.zeros((side, side), np.float32)
    cv2.ellipse(oval, (side // 2, side // 2), (int(side * 0.36), int(side * 0.48)), 0, 0, 360, 1.0, -1)
    share = cv2.GaussianBlur(oval, (0, 0), side * 0.03)[..., None]
    top, left = rng.integers(0, size - side + 1, 2)
    made = image.copy()
    part = made[top : top + side, left : left + side]
    part[:] = np.clip(part * (1 - share) + skin * share, 0, 255)
    return made


def _lit(rng: np.random.Generator, image: Image) -> Image:
    return np.clip(image * rng.uniform(0.6, 1.3) + rng.uniform(-25, 25), 0, 255).astype(np.uint8)


def _photographs() -> Iterator[Image]:
    for path in [*sorted(SHARED.glob("tflite_ok/*.jpg")), *sorted(SHARED.glob("aliens/*/*.png"))]:
        yield cv2.imread(str(path)).astype(np.uint8)
    for path in [*sorted(SHARED.glob("video/*.mp4")), *sorted(SHARED.glob("video/*.gif"))]:
        yield from _frames(path)
    for name in _INSIDE:
        yield cv2.imdecode(np.frombuffer(_member(name), np.uint8), cv2.IMREAD_COLOR).astype(np.uint8)


def _frames(path: Path) -> Iterator[Image]:
    video = cv2.VideoCapture(str(path))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    for number in range(0, count, max(1, count // FRAMES)):
        video.set(cv2.CAP_PROP_POS_FRAMES, number)
        good, picture = video.read()
        if good:
            yield picture.astype(np.uint8)


@cache
def _faces() -> NDArray[np.uint8]:
    """(100, 25, 25)"""
    rows: NDArray[np.float64] = np.load(BytesIO(_member("lfw_subset.npy")))
    return np.round(rows[:FACES] * 255).astype(np.uint8)


@cache
def _member(name: str) -> bytes:
    """A file of the wheel, which is fetched once and never installed."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    if not list(WHEELS.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(WHEELS), _WHEEL]
        subprocess.run(command, check=True)
    with zipfile.ZipFile(next(iter(WHEELS.glob("*.whl")))) as wheel:
        return wheel.read(f"skimage/data/{name}")
