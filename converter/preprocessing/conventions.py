"""Conventions for a model's pixels that trained models are met with in the field.

``0..255``, ``0..1`` and ``-1..1`` scale all channels alike. ``torch`` and ``caffe`` are the two other modes of
``keras.applications.imagenet_utils.preprocess_input``: ImageNet's mean and deviation per channel after 0..1, and
ImageNet's mean per channel alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from converter.choices import ConverterRange
from converter.quiet import tensorflow
from edge.core.choices import Colour, Range

_COMMON: tuple[ConverterRange, ...] = get_args(Range)

# (mean, deviation) of 0..255 pixels, in the order red, green, blue.
_SCALES: dict[ConverterRange, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "0..255": ((0.0,), (1.0,)),
    "0..1": ((0.0,), (255.0,)),
    "-1..1": ((127.5,), (127.5,)),
    "torch": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "caffe": ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True, slots=True)
class Convention:
    """``range`` and ``colour`` as the command line names them."""

    range: ConverterRange
    colour: Colour

    def __str__(self) -> str:
        return f"{self.range} {self.colour}"

    @property
    def plain(self) -> bool:
        """Whether Keras' own loaders and examples lead to this convention; anything else is rare enough to need
        proof."""
        return self.range in _COMMON and self.colour != "BGR"

    def apply(self, pixels: Any) -> Any:
        """Tensor (n, height, width, channels) float32 RGB or grey 0..255 → the same shape as the model wants it.

        Costs next to nothing in the converted graph: one scale for all channels is folded into the next
        layer's weights, with an offset it is one subtraction; the rest is a single 1×1 convolution, which runs
        three times faster than GATHER or SUB and MUL do.
        """
        mean, std = _SCALES[self.range]
        if len(mean) == 1 and self.colour != "BGR":
            return pixels if self.range == "0..255" else (pixels - mean[0]) / std[0]
        tf = tensorflow()
        kernel, bias = self.matrix()
        return tf.nn.conv2d(pixels, kernel[None, None], 1, "VALID") + bias

    def normalization(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of 0..255 pixels, one or one per channel in the model's own order."""
        mean, std = _SCALES[self.range]
        return (mean[::-1], std[::-1]) if self.colour == "BGR" else (mean, std)

    def matrix(self) -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.float32]]]:
        """The same as ``pixel @ matrix + bias``, for an RGB pixel; shapes (3, 3) and (3,)."""
        mean, std = (np.broadcast_to(np.asarray(values), 3) for values in _SCALES[self.range])
        order = [2, 1, 0] if self.colour == "BGR" else [0, 1, 2]
        matrix = np.diag(1.0 / std)[:, order]
        bias = (-mean / std)[order]
        return matrix.astype(np.float32), bias.astype(np.float32)


def candidates(
    channels: int, value_range: ConverterRange | None = None, colour: Colour | None = None
) -> tuple[Convention, ...]:
    """Those that agree with what is given, the plainest first; empty when nothing does."""
    colours: tuple[Colour, ...] = ("RGB", "BGR") if channels == 3 else ("GRAY",)
    if value_range and colour:
        fits = colour in colours and (channels == 3 or value_range in _COMMON)
        return (Convention(value_range, colour),) if fits else ()
    every = [Convention(scale, order) for order in colours for scale in _COMMON]
    if channels == 3:
        every += [Convention("torch", "RGB"), Convention("caffe", "BGR")]
    return tuple(one for one in every if value_range in (None, one.range) and colour in (None, one.colour))
