"""Golden samples: real pictures before preprocessing, and the raw outputs that the converter saw.

A device that cannot reproduce them must not judge parts: a wrong colour order or scale shows here at once.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.core.choices import Dtype
from edge.core.structs import build, plain
from edge.errors import ArtifactError, ConfigError
from edge.inference.frames.frame import Image

NAME = "golden.bin"


@dataclass(frozen=True)
class Golden:
    """``images``: H×W×3 uint8 BGR, sizes may differ; ``outputs``: shape (n, classes), the output tensor's dtype."""

    images: tuple[Image, ...]
    outputs: NDArray[np.generic]

    def to_bytes(self) -> bytes:
        """A line of JSON, then the pictures; the same content gives the same bytes."""
        files = [encoded(image) for image in self.images]
        outputs = base64.b64encode(self.outputs.astype(f"<{self.outputs.dtype.str[1:]}").tobytes()).decode()
        header = _Header(tuple(map(len, files)), cast(Dtype, str(self.outputs.dtype)), outputs)
        line = json.dumps(plain(header), sort_keys=True, separators=(",", ":"))
        return b"\n".join([line.encode(), b"".join(files)])

    @classmethod
    def from_bytes(cls, data: bytes) -> Golden:
        """Raises ArtifactError."""
        line, _, rest = data.partition(b"\n")
        try:
            header = build(_Header, json.loads(line))
            places = pairwise(accumulate(header.images, initial=0))
            images = tuple(_decode(rest[start:end]) for start, end in places)
            return cls(images, header.values())
        except (ValueError, ConfigError, RecursionError) as error:
            raise ArtifactError(f"golden samples are damaged ({error}); convert the model again") from None


@dataclass(frozen=True, slots=True)
class _Header:
    images: tuple[int, ...]
    """Bytes of each picture."""
    dtype: Dtype
    outputs: str
    """Base64, little-endian, picture after picture."""

    def values(self) -> NDArray[np.generic]:
        data = base64.b64decode(self.outputs, validate=True)
        if not self.images:
            return np.zeros((0, 0), self.dtype)
        return np.frombuffer(data, np.dtype(self.dtype).newbyteorder("<")).reshape(len(self.images), -1)


def encoded(image: Image) -> bytes:
    """Lossless WebP: it decodes to the exact pixels everywhere, in two thirds of PNG's bytes."""
    import cv2

    return cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()


def _decode(data: bytes) -> Image:
    import cv2

    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise ValueError("a picture cannot be decoded")
    return image.astype(np.uint8, copy=False)
