"""Calibration: the belt without parts, the fixed side of the comparison that finds parts."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edge.core.structs import build
from edge.errors import ConfigError, SourceError, StateError
from edge.inference.frames.factory import open_source
from edge.inference.frames.frame import FrameSource, Image
from edge.inference.frames.opencv import cv2
from edge.inference.parts.crop import Box

SCHEMA = 1
WORK_PIXELS = 160 * 120
"""Parts are looked for in a picture of about so many pixels."""
MIN_FRAMES = 3
SPREAD_STEPS = 8
"""The stored spread counts eighths of a grey level."""

_MAX_SIDE = 16_384
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_AWAY = 3.0  # a sample so many spreads from the mode is not belt
_SURE = 0.4  # a pixel that shows the same for a smaller share of the frames is not known to be belt
_MAX_SPREAD = 31.0  # grey levels; that is no belt any more, and all that 8 bits hold
_MIN_SPREAD = 3.0  # grey levels; below that, rounding and the sensor's noise say nothing about the belt


@dataclass(frozen=True, eq=False)
class Calibration:
    """The empty belt at working size, seen by one camera in one place."""

    width: int
    height: int
    """Height of the full frame, pixels."""
    region: Box
    """Where the belt is in the full frame; nothing outside of it is looked at."""
    background: Image
    """h×w×3 uint8 BGR: each pixel's usual value."""
    spread: Image
    """h×w×3 uint8: each pixel's standard deviation as texture passes by, in 1/SPREAD_STEPS grey levels."""
    occupied: float
    """Share of all samples that were not belt, 0 to 1: about 0 for an empty belt."""

    @classmethod
    def fit(cls, images: Iterable[Image], region: Box | None = None) -> Calibration:
        """From pictures of a belt that is empty, or that moves.

        Each pixel's value is the half-sample mode over time (Bickel and Frühwirth, 2006): where a part covers it
        for more than half of the frames a median would show the part, the mode still shows the belt, as long as
        parts differ from each other more than the belt from itself. Changes of the lamp between the frames are
        divided out. Raises ConfigError for fewer than three frames, different sizes or a region outside of the frame.
        """
        smalls: list[Image] = []
        size = None
        for image in images:
            if size not in (None, image.shape[:2]):
                raise ConfigError(f"parts calibration: frames differ in size, {size} and {image.shape[:2]}")
            size = image.shape[:2]
            region = region or Box(0, 0, size[1], size[0])
            _check_region(region, size[1], size[0])
            smalls.append(shrink(image, region))
        if size is None or region is None or len(smalls) < MIN_FRAMES:
            raise ConfigError(f"parts calibration: expected at least {MIN_FRAMES} frames, got {len(smalls)}")
        background, spread, occupied = _belt_of(_evenly_lit(np.stack(smalls)))
        return cls(size[1], size[0], region, background, spread, occupied)

    def to_bytes(self) -> bytes:
        """JSON, UTF-8, with the two pictures as base64 of PNG."""
        fields = {
            "schema": SCHEMA,
            "width": self.width,
            "height": self.height,
            "region": list(self.region),
            "occupied": round(self.occupied, 4),
            "background": _to_png(self.background),
            "spread": _to_png(self.spread),
        }
        return json.dumps(fields, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Calibration:
        """The inverse of :meth:`to_bytes`. Raises ConfigError for anything else."""
        try:
            fields = json.loads(data)
            if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
                raise ConfigError(f"expected an object of schema {SCHEMA}")
            return _restored(build(_Stored, fields, strict=False))
        except (ValueError, RecursionError, OverflowError) as error:
            raise ConfigError(f"parts calibration is not valid: {error}; calibrate again") from None

    def save(self, path: Path) -> None:
        """Raises StateError when the file cannot be written."""
        try:
            path.write_bytes(self.to_bytes())
        except OSError as error:
            raise StateError(f"{path}: cannot be written ({error.strerror}); check folder and permissions") from None

    def save_picture(self, path: Path) -> None:
        """The belt as a picture. Raises StateError when the file cannot be written."""
        if not path.suffix or not cv2.haveImageWriter(str(path)):
            raise ConfigError(f"{path}: no known kind of picture; expected a name that ends in .png")
        if not cv2.imwrite(str(path), self.background):
            raise StateError(f"{path}: cannot be written; check folder and permissions")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Raises StateError when the file cannot be read, ConfigError when it is not a calibration."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StateError(f"{path}: cannot be read ({error.strerror}); calibrate on an empty belt") from None
        try:
            return cls.from_bytes(data)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None


def calibrate(source_uri: str, frames: int = 30, region: Box | None = None) -> Calibration:
    """Learns the belt from the first ``frames`` pictures of a source, as :func:`edge.inference.frames.open_source`
    opens it.

    The belt should be empty and may move; with parts on it, it must move, and ``frames`` should span several parts.
    Raises what ``open_source`` does, SourceError when the source has no pictures, and ConfigError as
    :meth:`Calibration.fit`.
    """
    source = open_source(source_uri)
    try:
        images = list(itertools.islice(_pictures(source), frames))
    finally:
        source.close()
    if not images:
        raise SourceError(f"{source_uri}: no picture could be read; expected {frames} of the empty belt")
    return Calibration.fit(images, region)


def work_size(region: Box) -> tuple[int, int]:
    """Width and height that a region is shrunk to."""
    times = max(1.0, math.sqrt(region.w * region.h / WORK_PIXELS))
    return max(1, round(region.w / times)), max(1, round(region.h / times))


def shrink(image: Image, region: Box, out: Image | None = None) -> Image:
    """h×w×3: the region at working size, each pixel the mean of those it stands for."""
    seen = image[region.y : region.y + region.h, region.x : region.x + region.w]
    return cast(Image, cv2.resize(seen, work_size(region), dst=out, interpolation=cv2.INTER_AREA))


@dataclass(frozen=True, slots=True)
class _Stored:
    width: int
    height: int
    region: tuple[int, ...]
    occupied: float
    background: str
    spread: str


def _pictures(source: FrameSource) -> Iterable[Image]:
    """Copies, because a source may reuse its memory."""
    while (frame := source.read()) is not None:
        if frame.image is not None:
            yield frame.image.copy()


def _evenly_lit(stack: Image) -> NDArray[np.float32]:
    """n×h×w×3: every frame as bright as the median frame. Each is compared pixel by pixel with it."""
    samples = stack[:, ::2, ::2].reshape(len(stack), -1).astype(np.float32) + 1
    usual = np.median(samples, axis=0)
    gains = np.median(samples / usual, axis=1).astype(np.float32)
    return np.asarray(stack / gains[:, None, None, None], np.float32)


def _belt_of(stack: NDArray[np.float32]) -> tuple[Image, Image, float]:
    """Background, spread (in eighths) and share of samples that are not belt, of n×h×w×3 frames."""
    mode = np.stack([_half_sample_mode(stack[..., band]) for band in range(3)], axis=-1)
    away = np.abs(stack - mode)
    # Half of the belt's own samples lie within 0.67 deviations; a low quantile still is one under parts.
    rough = np.maximum(np.quantile(away, 0.25, axis=0) / 0.32, _MIN_SPREAD)
    belt = (away < _AWAY * rough).all(axis=-1, keepdims=True)
    weights = belt / np.maximum(belt.sum(axis=0), 1)
    background = (stack * weights).sum(axis=0)
    deviation = np.sqrt((np.square(stack - background) * weights).sum(axis=0))
    doubtful = ((belt.mean(axis=0)[..., 0] < _SURE) | (deviation.max(axis=-1) > _MAX_SPREAD)).astype(np.uint8)
    spread = cv2.blur(np.clip(deviation, 0, _MAX_SPREAD).astype(np.float32), (5, 5))
    quantised = np.clip(np.round(spread * SPREAD_STEPS), 0, 255).astype(np.uint8)
    return _repaired(background, doubtful), quantised, float(1 - belt.mean())


def _repaired(background: NDArray[np.floating[Any]], doubtful: NDArray[np.uint8]) -> Image:
    """h×w×3 uint8: places that seldom showed the same are filled in from around them (Telea, 2004)."""
    if doubtful.mean() > 0.5:
        raise ConfigError(
            "parts calibration: most of the picture never shows the same; calibrate on an empty belt, "
            "or on more frames of a moving one, and give a region without people and moving machines"
        )
    image = np.clip(np.round(background), 0, 255).astype(np.uint8)
    return cast(Image, cv2.inpaint(image, cv2.dilate(doubtful, np.ones((3, 3), np.uint8)), 3, cv2.INPAINT_TELEA))


def _half_sample_mode(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """h×w: of n×h×w values, where they lie closest together along the first axis."""
    ordered = np.sort(values, axis=0)
    while len(ordered) > 2:
        half = (len(ordered) + 1) // 2
        widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
        start = widths.argmin(axis=0)
        ordered = np.take_along_axis(ordered, start[None] + np.arange(half)[:, None, None], axis=0)
    return np.asarray(ordered.mean(axis=0), np.float32)


def _restored(stored: _Stored) -> Calibration:
    if len(stored.region) != 4:
        raise ConfigError("region: expected x, y, width, height")
    region = Box(*stored.region)
    if not (0 < stored.width <= _MAX_SIDE and 0 < stored.height <= _MAX_SIDE):
        raise ConfigError(f"width and height: expected 1 to {_MAX_SIDE}")
    _check_region(region, stored.width, stored.height)
    if not 0 <= stored.occupied <= 1:
        raise ConfigError("occupied: expected 0 to 1")
    size = work_size(region)
    background, spread = (_from_png(text, size) for text in (stored.background, stored.spread))
    return Calibration(stored.width, stored.height, region, background, spread, stored.occupied)


def _check_region(region: Box, width: int, height: int) -> None:
    if region.w < 16 or region.h < 16 or not region.within(width, height):
        raise ConfigError(
            f"parts region: expected x, y, width, height of at least 16×16 pixels within {width}×{height}, "
            f"got {', '.join(map(str, region))}"
        )


def _to_png(image: Image) -> str:
    return base64.b64encode(cast(Any, cv2.imencode(".png", image))[1].tobytes()).decode()


def _from_png(text: str, size: tuple[int, int]) -> Image:
    """Picture of exactly that size, which is looked up before anything is decoded."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ConfigError("a picture is not base64") from None
    stated = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    if not data.startswith(_PNG_START) or stated != size:
        raise ConfigError(f"expected a PNG of {size[0]}×{size[1]} pixels")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None or image.shape != (size[1], size[0], 3):
        raise ConfigError("a picture is damaged")
    return cast(Image, image)
