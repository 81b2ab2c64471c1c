"""Features of a picture that drift watches: a few numbers that say how it is lit, focused and coloured.

One's own feature is one function::

    @feature("left_half")
    def left_half(picture: Picture) -> float:
        return float(picture.grey[:, : picture.grey.shape[1] // 2].mean())

It is watched wherever a reference was recorded with it, so both the converter and the device must import it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.errors import ConfigError, SourceError
from edge.inference.frames.frame import Image

BLACK = 16.0
"""Brightness below which a picture counts as black: the black level of video (ITU-R BT.601), of 255."""

CONSTANT = 1e-3
"""Contrast below which all pixels are the same: one that differs by 1 gives 0.0045 at 224×224; rounding, 1e-6."""


@dataclass(frozen=True, slots=True)
class PartShape:
    """Shape of a part whose outline is known, in pixels of the frame it was found in."""

    area: float
    perimeter: float

    @classmethod
    def of(cls, outline: ArrayLike) -> PartShape:
        """From corner points in order, (n, 2)."""
        points = np.asarray(outline, np.float32).reshape(-1, 1, 2)
        return cls(float(cv2.contourArea(points)), float(cv2.arcLength(points, True)))


class Picture:
    """A picture (H×W×3 uint8 BGR, or H×W×1) and what several features need of it, each computed once."""

    def __init__(self, image: Image, part: PartShape | None = None) -> None:
        if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8 or not image.size:
            raise SourceError(f"picture: expected H×W×3 or H×W×1 uint8, got {image.shape} {image.dtype}")
        self.image = image
        self.part = part

    @cached_property
    def planes(self) -> tuple[Image, Image, Image]:
        """Blue, green and red, H×W uint8 each; three times the same for a grey picture."""
        if self.image.shape[2] == 1:
            return self.grey, self.grey, self.grey
        blue, green, red = (np.asarray(plane, np.uint8) for plane in cv2.split(self.image))
        return blue, green, red

    @cached_property
    def grey(self) -> Image:
        """Luma (ITU-R BT.601), H×W uint8."""
        if self.image.shape[2] == 1:
            return self.image[:, :, 0]
        return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), np.uint8)

    @cached_property
    def luma(self) -> tuple[float, float]:
        """Mean and standard deviation of the luma."""
        mean, deviation = cv2.meanStdDev(self.grey)
        return float(mean[0, 0]), float(deviation[0, 0])


Feature = Callable[[Picture], float]

FEATURES: dict[str, Feature] = {}
"""By name, in the order of definition: the plainest first, since a change of light moves most of those after it."""

PART_FEATURES: dict[str, Feature] = {}
"""Those of the part, for lines where its outline is known; NaN where it is not."""


def feature(name: str, *, of_part: bool = False) -> Callable[[Feature], Feature]:
    """Registers a function of a picture, or of its part. Raises ConfigError for a name taken or with a colon."""
    if name in FEATURES or name in PART_FEATURES or ":" in name:
        raise ConfigError(f"feature {name!r}: expected a name without a colon that no other feature has")

    def register(function: Feature) -> Feature:
        (PART_FEATURES if of_part else FEATURES)[name] = function
        return function

    return register


def known_features() -> dict[str, Feature]:
    """All that are registered, of pictures and of parts."""
    return FEATURES | PART_FEATURES


def measure(image: Image, names: Iterable[str] | None = None, part: PartShape | None = None) -> NDArray[np.float64]:
    """The features of one picture, shape (n_features,), float64, in the order of ``names``.

    ``image`` is the resized model input, H×W×3 uint8 BGR or H×W×1. By default all of FEATURES, and with a ``part``
    those of PART_FEATURES after them. Raises SourceError for another shape or dtype.
    """
    picture = Picture(image, part)
    if names is None:
        names = known_features() if part else FEATURES
    return np.array([(FEATURES.get(name) or PART_FEATURES[name])(picture) for name in names])


@feature("brightness")
def brightness(picture: Picture) -> float:
    """Mean luma, 0 to 255."""
    return picture.luma[0]


@feature("contrast")
def contrast(picture: Picture) -> float:
    """Standard deviation of the luma (root mean square contrast), 0 to 127.5."""
    return picture.luma[1]


@feature("sharpness")
def sharpness(picture: Picture) -> float:
    """Fineness of the detail: variance of the Laplacian of the luma over the mean squared step between neighbours.

    Blur lowers it. The variance alone (J. Pech-Pacheco et al., ICPR 2000) falls with the light and with what there is
    to see as well; over the steps, as in the mobility of B. Hjorth (Electroencephalography and Clinical
    Neurophysiology 29(3), 1970), it does not. 0 for a picture without steps.
    """
    grey = picture.grey
    edges = cv2.Laplacian(grey, cv2.CV_16S)
    # The norms are ten times faster than meanStdDev on 16 bits.
    variance = cv2.norm(edges) ** 2 / edges.size - cv2.mean(edges)[0] ** 2
    steps = cv2.norm(grey[:, 1:], grey[:, :-1]) ** 2 + cv2.norm(grey[1:], grey[:-1]) ** 2
    return float(variance * grey.size / steps) if steps else 0.0


@feature("saturation")
def saturation(picture: Picture) -> float:
    """Saturation as in HSV, (max - min) / max, 0 to 1, of all pixels together: Σ(max - min) / Σ max.

    Weighing each pixel by its brightness keeps the noise of nearly black pixels out and dimming without effect.
    """
    blue, green, red = picture.planes
    highest = cv2.mean(cv2.max(cv2.max(blue, green), red))[0]
    lowest = cv2.mean(cv2.min(cv2.min(blue, green), red))[0]
    return (highest - lowest) / highest if highest else 0.0


@feature("blue")
def blue(picture: Picture) -> float:
    """Mean of the blue channel, 0 to 255."""
    return cv2.mean(picture.planes[0])[0]  # of the whole picture it would take six times as long


@feature("green")
def green(picture: Picture) -> float:
    """Mean of the green channel, 0 to 255."""
    return cv2.mean(picture.planes[1])[0]


@feature("red")
def red(picture: Picture) -> float:
    """Mean of the red channel, 0 to 255."""
    return cv2.mean(picture.planes[2])[0]


@feature("noise")
def noise(picture: Picture) -> float:
    """Standard deviation of the sensor's noise, estimated from what no edge explains.

    Mean absolute response to the difference of two Laplacians: J. Immerkær, Computer Vision and Image Understanding
    64(2), 1996. A strongly textured picture reads too high, by the same amount as long as the texture stays.
    """
    response = cv2.sepFilter2D(picture.grey, cv2.CV_16S, _SECOND_DIFFERENCE, _SECOND_DIFFERENCE)
    return float(cv2.norm(response, cv2.NORM_L1)) / response.size * math.sqrt(math.pi / 2) / 6.0


_SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0], np.float32)


@feature("area", of_part=True)
def area(picture: Picture) -> float:
    """Area of the part, in pixels of its frame."""
    return picture.part.area if picture.part else math.nan


@feature("roundness", of_part=True)
def roundness(picture: Picture) -> float:
    """4π · area / perimeter²: 1 for a disc, π/4 for a square. E. Cox, Journal of Paleontology 1(3), 1927."""
    if not picture.part or not picture.part.perimeter:
        return math.nan
    return 4 * math.pi * picture.part.area / picture.part.perimeter**2
