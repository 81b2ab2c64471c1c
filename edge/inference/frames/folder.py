"""Still images: a folder of them, or one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self, cast

import numpy as np

from edge.errors import SourceError
from edge.inference.frames.clock import now
from edge.inference.frames.frame import Frame, Image
from edge.inference.frames.images import IMAGE_SUFFIXES, find_images, is_labelled
from edge.inference.frames.opencv import cv2


class Folder:
    """The images in a folder and below in natural order, or a single image.

    ``Frame.truth`` is the name of an image's folder where there is one folder per label (see
    :func:`edge.inference.frames.images.is_labelled`). An image that cannot be read becomes a frame without one.
    Raises SourceError if there is no image at all.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self._images = find_images(path) if path.is_dir() else [path]
        if not self._images:
            kinds = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
            raise SourceError(f"{path}: no images in it; expected files that end in {kinds}")
        self._labelled = is_labelled(path, self._images)
        self._left = iter(self._images)
        self._closed = threading.Event()

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        return cls(Path(uri).expanduser())

    def read(self) -> Frame | None:
        path = None if self._closed.is_set() else next(self._left, None)
        if path is None:
            return None
        captured_ns, wall_ns = now()
        truth = path.parent.name if self._labelled else None
        return Frame(read_image(path), captured_ns, wall_ns, str(path), truth)

    def close(self) -> None:
        self._closed.set()


def read_image(path: Path) -> Image | None:
    """The image as H×W×3 uint8 BGR, or None if it cannot be read or is damaged.

    Greyscale is repeated, 16 bits are scaled to 8, alpha is left out, and the EXIF orientation is applied.
    """
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread fails on some names that are not ASCII
        return cast(Image | None, cv2.imdecode(data, cv2.IMREAD_COLOR)) if data.size else None
    except (OSError, cv2.error):
        return None
