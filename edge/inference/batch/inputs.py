"""Inputs of a job, frame by frame: pictures are not read, and videos not judged, where that is done already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError, SourceError
from edge.inference.frames import Image, open_source
from edge.inference.frames.folder import read_image
from edge.inference.frames.images import find_images, is_image


@dataclass(frozen=True, slots=True)
class Item:
    """One frame. ``(path, frame)`` is its identity; ``image`` reads it, None if it is not a picture."""

    path: str
    frame: int
    name: str
    image: Callable[[], Image | None]


def items(address: str, *, repeatable: bool = False) -> Iterator[Item]:
    """The frames of a picture, a folder and all below it, a video or another source, in order.

    Raises SourceError when there is nothing to read, ConfigError when ``repeatable`` is asked of a live source: its
    frames never come again.
    """
    path = Path(address).expanduser()
    if "://" not in address and (path.is_dir() or (is_image(path) and path.exists())):
        return _pictures(path)
    return _frames(address, repeatable)


def expected(addresses: Iterable[str]) -> int | None:
    """Number of frames to come, for a progress bar; None when an address does not say."""
    counts = [_count(address) for address in addresses]
    return None if None in counts else sum(count for count in counts if count is not None)


def _pictures(path: Path) -> Iterator[Item]:
    found = find_images(path) if path.is_dir() else [path]
    if not found:
        raise SourceError(f"{path}: no images in it or in folders below it")
    for picture in found:
        yield Item(_text(picture), 0, _text(picture), lambda picture=picture: read_image(picture))  # type: ignore[misc]


def _frames(address: str, repeatable: bool) -> Iterator[Item]:
    source = open_source(address)
    try:
        if repeatable and source.live:
            raise ConfigError(f"{address}: a live source; its frames never come again, so --resume has no meaning")
        number = 0
        while (frame := source.read()) is not None:
            # Videos number their frames from 1 on, in their names.
            of_video = frame.name.rpartition("#")[2]
            place = int(of_video) if of_video.isdecimal() else number
            name = _text(frame.name) if frame.name else f"{address}#{number}"
            yield Item(_text(address), place, name, lambda frame=frame: frame.image)  # type: ignore[misc]
            number += 1
    finally:
        source.close()


def _count(address: str) -> int | None:
    if "://" in address and not address.startswith("sim://"):
        return None  # a camera is not opened only to be asked
    path = Path(address).expanduser()
    try:
        if path.is_dir():
            return len(find_images(path))
        if is_image(path):
            return 1
        source = open_source(address)
    except SourceError:
        return 0
    try:
        return getattr(source, "expected", None)
    finally:
        source.close()


def _text(name: Path | str) -> str:
    """A file's name as text that any file can hold: bytes that are no UTF-8 are written as ``\\udcff``."""
    return str(name).encode("utf-8", "backslashreplace").decode()
