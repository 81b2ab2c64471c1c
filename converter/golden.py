"""Which pictures become golden samples: few, small, and sure to tell when a device feeds the model wrongly."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.dataset import Indices
from converter.samples import Samples
from converter.scores import Outputs, classes_of, probabilities
from edge.artifact.manifest import InputSpec
from edge.frames.folder import read_image
from edge.frames.frame import Image
from edge.preprocess import Preprocessor

COUNT = 3
CANDIDATES = 12
ASKED = 200
"""Pictures that are looked at; on each the float model runs once more, with red and blue swapped."""
SURE = 0.7
"""Least score of a golden picture: nearer to the boundary, another processor's rounding could change the class."""
LARGER = 1.25
"""A golden picture has this many times the model's height and width, so that resizing is exercised too."""
COARSE = ((5, 64), (3, 32))
"""Median filter and step of the grey levels, the coarsest first: a tenth or a quarter of the bytes."""
FLOAT_STEPS = 256
LEAST_TOLERANCE = 4
"""Quantization steps, 1/64 of the score's range."""


def candidates(samples: Samples, outputs: Outputs, predict: Callable[[NDArray[np.uint8]], Outputs]) -> Indices:
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
    samples: Samples, chosen: Indices, spec: InputSpec, predict: Callable[[NDArray[np.uint8]], Outputs]
) -> tuple[list[Image], NDArray[np.uint8]]:
    """The pictures before preprocessing, small and coarse, and their input tensors, (n, height, width, channels).

    Each as coarse as it can be with the float model still sure of its label; ``predict`` as in :func:`candidates`.
    """
    preprocess = Preprocessor(spec)
    small = [_shrunk(_again(samples, index), spec) for index in chosen]
    ways = [[_coarse(image, *way) for image in small] for way in COARSE]
    tensors = np.array([[preprocess(image)[0].astype(np.uint8) for image in way] for way in ways])
    surely = [probabilities(predict(way))[range(len(chosen)), samples.classes[chosen]] >= SURE for way in tensors]
    surely[-1][:] = True
    taken = np.argmax(surely, axis=0)
    return [ways[way][index] for index, way in enumerate(taken)], tensors[taken, range(len(chosen))]


def steadiest(runs: list[NDArray[np.generic]], top: Outputs, count: int = COUNT) -> tuple[Indices, int]:
    """The candidates on which all runtimes name the same class, and the tolerance in quantization steps.

    ``runs`` holds each runtime's raw outputs, (n, size); a step of float32 is 1/256. ``top`` is the best score of
    each, (n,): a picture that is no longer surely judged now that it is coarse comes last. The tolerance is twice
    the largest difference seen.
    """
    values = np.stack([run.astype(np.float64) * (FLOAT_STEPS if run.dtype == np.float32 else 1) for run in runs])
    same = (values.argmax(axis=2) == values[0].argmax(axis=1)).all(axis=0)
    steady = np.flatnonzero(same)
    chosen = steady[np.argsort(top[steady] < SURE, kind="stable")][:count]
    difference = int(np.ceil(np.abs(values[:, chosen] - values[0, chosen]).max())) if len(chosen) else 0
    return chosen, max(LEAST_TOLERANCE, 2 * difference)


def _turn(classes: Indices) -> Indices:
    """For each element how many of its class come before it: sorting by it takes the classes in turn."""
    return np.array([int((classes[:index] == value).sum()) for index, value in enumerate(classes)], np.int64)


def _again(samples: Samples, index: int) -> Image:
    image = read_image(samples.paths[index])
    return samples.small[index] if image is None else image


def _shrunk(image: Image, spec: InputSpec) -> Image:
    height, width = image.shape[:2]
    ratio = LARGER * max(spec.height / height, spec.width / width)
    if ratio >= 1:
        return image
    size = (round(width * ratio), round(height * ratio))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _coarse(image: Image, blur: int, step: int) -> Image:
    """Without the noise, which would come out as a dither between two levels that no packer can shorten."""
    image = cv2.medianBlur(image, blur).astype(np.uint8, copy=False)
    return (image // step * step + step // 2).astype(np.uint8, copy=False)
