"""Golden samples: real pictures before preprocessing, and the raw outputs that the converter saw.

A device that cannot reproduce them must not judge parts: a wrong colour order or scale shows here at once.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import ArtifactError
from edge.frames.frame import Image

NAME = "golden.zip"
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Golden:
    """``images``: H×W×3 uint8 BGR, sizes may differ; ``outputs``: shape (n, classes), the output tensor's dtype."""

    images: tuple[Image, ...]
    outputs: NDArray[np.generic]

    def to_bytes(self) -> bytes:
        """A zip of lossless WebP files and ``outputs.npy``; the same content gives the same bytes.

        Lossless WebP decodes to the exact pixels everywhere, in two thirds of PNG's bytes.
        """
        import cv2

        members = {"outputs.npy": _npy(self.outputs)}
        for number, image in enumerate(self.images):
            lossless = [cv2.IMWRITE_WEBP_QUALITY, 101]
            members[f"{number:03d}.webp"] = cv2.imencode(".webp", image, lossless)[1].tobytes()
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(members):
                archive.writestr(zipfile.ZipInfo(name, _NO_TIME), members[name])
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Golden:
        """Raises ArtifactError."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                outputs = np.load(io.BytesIO(archive.read("outputs.npy")), allow_pickle=False)
                names = sorted(name for name in archive.namelist() if name.endswith((".webp", ".png")))
                images = tuple(_decode(archive.read(name)) for name in names)
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
            raise ArtifactError(f"golden samples are damaged ({error}); convert the model again") from None
        if outputs.ndim != 2 or len(outputs) != len(images):
            raise ArtifactError(f"golden samples: {len(images)} images but outputs of shape {outputs.shape}")
        return cls(images, outputs)


def _npy(array: NDArray[np.generic]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _decode(data: bytes) -> Image:
    import cv2

    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("a picture cannot be decoded")
    return image.astype(np.uint8, copy=False)
