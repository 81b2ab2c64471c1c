"""From a camera picture to the input tensor, by the model's own rule: the same code in converter and device."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ArtifactError, SourceError
from edge.inference.artifact.manifest import InputSpec
from edge.inference.frames.frame import Image
from edge.inference.resize import Resizer

_RANGES = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}


class Preprocessor:
    """Callable; one instance serves one thread, and its arrays are reused from call to call."""

    def __init__(self, spec: InputSpec, tensor: NDArray[np.generic] | None = None) -> None:
        """``tensor`` is where to write, such as :attr:`edge.inference.interpreter.Interpreter.input`; by default an
        own array.

        Raises ArtifactError when it is not 1×height×width×channels in the model's dtype.
        """
        self.spec = spec
        self.small: Image = np.zeros((spec.height, spec.width, 3), np.uint8)
        """The resized picture of the last call, height×width×3 uint8 BGR: what drift features are measured on."""
        self.tensor = _tensor(spec) if tensor is None else _fitting(spec, tensor)
        """The input tensor of the last call, 1×height×width×channels, in the model's dtype."""
        self._resize = Resizer(spec.height, spec.width, spec.resize, spec.interpolation)
        self._tables = _tables(spec)
        # Where pixels are tensor values already, colours are reordered straight into the tensor.
        direct = self._tables is None
        self._ordered: NDArray[np.uint8] = self.tensor[0] if direct else np.zeros(self.tensor.shape[1:], np.uint8)

    def __call__(self, image: Image) -> NDArray[np.generic]:
        """Preprocesses H×W×3 uint8 BGR into ``tensor`` and returns it. Raises SourceError for another shape."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise SourceError(f"picture of shape {image.shape} {image.dtype}; expected height×width×3 uint8 BGR")
        self._resize(image, self.small)
        self._reorder()
        if self._tables is not None:
            for channel, table in enumerate(self._tables):
                np.take(table, self._ordered[:, :, channel], out=self.tensor[0, :, :, channel])
        return self.tensor

    def _reorder(self) -> None:
        if self.spec.colour == "BGR":
            np.copyto(self._ordered, self.small)
        elif self.spec.colour == "RGB":
            cv2.cvtColor(self.small, cv2.COLOR_BGR2RGB, dst=self._ordered)
        else:
            cv2.cvtColor(self.small, cv2.COLOR_BGR2GRAY, dst=self._ordered[:, :, 0])


def _tensor(spec: InputSpec) -> NDArray[np.generic]:
    return np.zeros((1, spec.height, spec.width, spec.channels), spec.dtype)


def _fitting(spec: InputSpec, tensor: NDArray[np.generic]) -> NDArray[np.generic]:
    expected = (1, spec.height, spec.width, spec.channels), spec.dtype
    if (tensor.shape, tensor.dtype.name) != expected:
        raise ArtifactError(
            f"input tensor of shape {tensor.shape} {tensor.dtype}; expected {expected[0]} {expected[1]}"
        )
    return tensor


def _tables(spec: InputSpec) -> NDArray[np.generic] | None:
    """Pixel value → tensor value, shape (channels, 256); None where a pixel is the tensor value already."""
    if not {len(spec.mean), len(spec.std)} <= {1, spec.channels} or not all(spec.std):
        raise ArtifactError(
            f"mean {spec.mean} and std {spec.std} do not fit {spec.channels} channels; std is never 0"
        )
    pixels = np.arange(256, dtype=np.float64)
    mean = np.broadcast_to(np.asarray(spec.mean, np.float64), spec.channels)
    std = np.broadcast_to(np.asarray(spec.std, np.float64), spec.channels)
    real = (pixels[None, :] - mean[:, None]) / std[:, None]
    if spec.dtype == "float32":
        return np.asarray(real, np.float32)
    low, high = _RANGES[spec.dtype]
    values: NDArray[np.generic] = np.clip(np.round(real / spec.scale) + spec.zero_point, low, high).astype(spec.dtype)
    return None if spec.dtype == "uint8" and np.array_equal(values, np.tile(pixels, (spec.channels, 1))) else values
