"""Loss of accuracy when each layer alone is quantized, and the few layers worth keeping in float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converter.flatbuffer.flat import Flat, FlatOperator, TensorProbe
from converter.progress import Progress
from converter.quantization.quantize import to_int8

PICTURES = 32
SHARE = 0.5
"""Share of the summed squared errors that kept layers should take away."""
MAX_WEIGHTS = 0.05
"""A layer that holds more than this share of all weights is not kept: its float form would cost too many bytes."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """``error``: mean absolute difference of the class scores when only this layer is int8."""

    name: str
    """Name of the layer's output tensor."""
    kind: str
    error: float
    weights: int
    """Number of weights that the layer holds."""


def sensitivities(
    calibrated: bytes, pixels: NDArray[np.uint8], progress: Progress, most: int = PICTURES
) -> tuple[Sensitivity, ...]:
    """In the order of the graph; ``calibrated`` is a float flatbuffer with ranges in it."""
    flat = Flat(calibrated)
    names = [flat.name(one.output) for one in flat.operators]
    wanted = _scores(calibrated, pixels[:most])
    found = []
    for one, name in progress.count(zip(flat.operators, names, strict=True), len(names), "tried layer"):
        alone = to_int8(calibrated, [other for other in names if other != name], "float32")
        error = float(np.abs(_scores(alone, pixels[:most]) - wanted).mean())
        found.append(Sensitivity(name, one.kind, error, _weights(flat, one)))
    return tuple(found)


def worth_keeping(layers: Sequence[Sensitivity]) -> tuple[str, ...]:
    """The fewest layers that together make ``SHARE`` of the squared error, the worst first.

    What follows the last layer with weights is always kept: it costs nothing, and a class score in float32 has no
    ties.
    """
    last = max((index for index, one in enumerate(layers) if one.weights), default=-1)
    kept = [one.name for one in layers[last + 1 :]]
    rest = sum(one.error**2 for one in layers[: last + 1])
    goal = (1 - SHARE) * rest
    limit = MAX_WEIGHTS * sum(one.weights for one in layers)
    for one in sorted(layers[: last + 1], key=lambda one: -one.error):
        if rest > goal and one.weights <= limit:
            kept.append(one.name)
            rest -= one.error**2
    return tuple(kept)


def _scores(model: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    flat = Flat(model)
    probe = TensorProbe(flat, [int(flat.graph.outputs[0])])
    return np.stack([probe(picture)[0].reshape(-1) for picture in pixels])


def _weights(flat: Flat, one: FlatOperator) -> int:
    return int(np.prod(flat.shape(one.inputs[1]))) if one.weighed else 0
