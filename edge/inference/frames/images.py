"""Finding image files, without looking into them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from edge.errors import SourceError

IMAGE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])


def is_image(path: Path) -> bool:
    """Whether its name says that a file is an image; the case does not matter."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def find_images(root: Path) -> list[Path]:
    """All images in ``root`` and below, in natural order (``2.png`` before ``10.png``).

    Hidden files and folders are left out. Raises SourceError when a folder cannot be listed.
    """
    found: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(folder, name) for name in names if not name.startswith("."))
        found.extend(filter(is_image, paths))
    return sorted(found, key=_natural)


def is_labelled(root: Path, images: list[Path]) -> bool:
    """Whether ``root`` holds one folder per label.

    It does if it consists of two folders or more with images directly in them, and there are no images
    anywhere else: neither in ``root`` itself nor deeper down.
    """
    folders = {image.parent for image in images}
    return len(folders) > 1 and all(folder.parent == root for folder in folders)


def _refuse(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions")


def _natural(path: Path) -> tuple[list[list[str | int]], Path]:
    return [_split(name) for name in path.parts], path


def _split(name: str) -> list[str | int]:
    # Text and numbers alternate, so like is compared with like.
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.casefold())]
