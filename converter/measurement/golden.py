"""Which pictures may become golden samples: few, small, and sure to tell when a device feeds the model wrongly."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.data.samples import PixelSamples
from converter.data.scores import Outputs, classes_of, probabilities
from edge.core.arrays import Integers
from edge.inference.artifact.golden import encoded
from edge.inference.artifact.manifest import InputSpec
from edge.inference.frames.folder import read_image
from edge.inference.frames.frame import Image
from edge.inference.preprocess import Preprocessor

CANDIDATES = 16
ASKED = 200
"""Pictures that are looked at; on each the float model runs once more, with red and blue swapped."""
SURE = 0.7
"""Least score of a golden picture: nearer to the boundary, another processor's rounding could change the class."""
LARGER = 1.25
"""A golden picture has this many times the model's height and width, so that resizing is exercised too."""
WAYS = tuple((blur, colours) for colours in (8, 16, 32) for blur in (5, 3, 1))
"""Median filter and number of colours; of those that do the one with the fewest bytes, a tenth of the picture's. A
palette of its own keeps what it shows; grey levels rounded to steps made some models blind to the colour order."""
KEPT = 0.5
"""Share of the change of the scores, when red and blue are swapped, that few colours must leave."""
LOOKED_AT = 4096
"""Pixels that make the palette."""


def candidates(samples: PixelSamples, outputs: Outputs, predict: Callable[[NDArray[np.uint8]], Outputs]) -> Integers:
    """Positions in ``samples``, the best first: rightly and surely judged, and sensitive to the colour order.

    ``outputs`` are the float model's, (n, size); ``predict`` gives them for other input tensors.
    """
    asked = np.arange(len(samples))[:: max(1, len(samples) // ASKED)]
    scores = probabilities(outputs)
    swapped = probabilities(predict(samples.pixels[asked, :, :, ::-1]))
    sensitivity = np.abs(scores[asked] - swapped).max(axis=1)
    top = scores.max(axis=1)
    fit = (classes_of(outputs) == samples.classes) & (top >= SURE)
    order = np.lexsort((-top[asked], -sensitivity, ~fit[asked]))
    ranked = asked[order]
    return np.asarray(ranked[np.argsort(_turn(samples.classes[ranked]), kind="stable")][:CANDIDATES])


def pictures(
    samples: PixelSamples, chosen: Integers, spec: InputSpec, predict: Callable[[NDArray[np.uint8]], Outputs]
) -> tuple[list[Image], NDArray[np.uint8]]:
    """Before preprocessing, small and of few colours, and their input tensors, (n, height, width, channels).

    Each in the fewest bytes with which the float model is still sure of its label, and still minds when red and blue
    are swapped; ``predict`` as in :func:`candidates`.
    """
    preprocess = Preprocessor(spec)
    small = [_shrunk(_again(samples, index), spec) for index in chosen]
    ways = [[_plain(image, *way) for image in small] for way in WAYS]
    tensors = np.array([[preprocess(image)[0].astype(np.uint8) for image in way] for way in ways])
    fit = _fit(np.concatenate([samples.pixels[chosen][None], tensors]), samples.classes[chosen], predict)
    fit[-1] |= ~fit.any(axis=0)
    size = np.array([[len(encoded(image)) for image in way] for way in ways])
    taken = np.where(fit, size, size.max() + 1).argmin(axis=0)
    return [ways[way][index] for index, way in enumerate(taken)], tensors[taken, range(len(chosen))]


def _fit(
    tensors: NDArray[np.uint8], classes: Integers, predict: Callable[[NDArray[np.uint8]], Outputs]
) -> NDArray[np.bool_]:
    """For each way but the first, which is the whole picture, and each picture: whether it will do. (ways, n)"""
    both = np.stack([tensors, tensors[..., ::-1]])
    scores = probabilities(predict(both.reshape(-1, *tensors.shape[2:]))).reshape(*both.shape[:3], -1)
    gaps = np.abs(scores[0] - scores[1]).max(axis=2)
    sure = scores[0][:, range(len(classes)), classes] >= SURE
    return np.asarray((sure & (gaps >= KEPT * gaps[0]))[1:])


def _turn(classes: Integers) -> Integers:
    """For each element how many of its class come before it: sorting by it takes the classes in turn."""
    return np.array([int((classes[:index] == value).sum()) for index, value in enumerate(classes)], np.int64)


def _again(samples: PixelSamples, index: int) -> Image:
    image = read_image(samples.paths[index])
    return samples.small[index] if image is None else image


def _shrunk(image: Image, spec: InputSpec) -> Image:
    height, width = image.shape[:2]
    ratio = LARGER * max(spec.height / height, spec.width / width)
    if ratio >= 1:
        return image
    size = (round(width * ratio), round(height * ratio))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _plain(image: Image, blur: int, colours: int) -> Image:
    """The nearest of the ``colours`` that k-means finds in the picture; the same picture gives the same."""
    pixels = cv2.medianBlur(image, blur).reshape(-1, 3).astype(np.float32)
    some = pixels[:: max(1, len(pixels) // LOOKED_AT)]
    if len(some) <= colours:
        return image
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    start = np.zeros((len(some), 1), np.int32)
    _, _, centres = cv2.kmeans(some, colours, start, criteria, 1, cv2.KMEANS_PP_CENTERS)
    palette = centres.round().astype(np.uint8)
    # The squared distance, without what is the same for every colour.
    distance = (centres**2).sum(axis=1) - 2 * pixels @ centres.T
    plain: Image = palette[distance.argmin(axis=1)].reshape(image.shape)
    return plain
