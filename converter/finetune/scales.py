"""Which tensors of an int8 graph have the same scale."""

from __future__ import annotations

from dataclasses import dataclass

from converter.finetune.fake import LEAST
from converter.flatbuffer.flat import BuiltinOperator, Flat
from converter.quantization.groups import Union

SAME_SCALE = (
    *(BuiltinOperator.MAX_POOL_2D, BuiltinOperator.AVERAGE_POOL_2D, BuiltinOperator.RESHAPE),
    *(BuiltinOperator.PAD, BuiltinOperator.TRANSPOSE, BuiltinOperator.CONCATENATION),
)
"""Operators whose int8 kernels want one scale for inputs and output."""
FIXED: dict[int, tuple[float, float]] = {
    BuiltinOperator.SOFTMAX: (0.0, 255 / 256),
    BuiltinOperator.LOGISTIC: (0.0, 255 / 256),
    BuiltinOperator.TANH: (-1.0, 127 / 128),
}
"""Output ranges that the int8 kernels prescribe."""


@dataclass(frozen=True)
class Scales:
    root: dict[int, int]
    """Tensor → one of those that share its scale, always the same one."""
    seen: dict[int, tuple[float, float]]
    """Root → range that calibration saw, zero included; not where it is prescribed, nor of the input."""


def shared_scales(flat: Flat) -> Scales:
    root = _roots(flat)
    fixed = {root[one.output] for one in flat.operators if one.code in FIXED}
    fixed |= {root[int(tensor)] for tensor in flat.graph.inputs}
    ranges: dict[int, list[tuple[float, float]]] = {}
    for one in flat.operators:
        seen = flat.range(one.output)
        # What only passes values on has no range of its own: that of its input is the one with all values.
        if seen is not None and one.code not in SAME_SCALE and root[one.output] not in fixed:
            ranges.setdefault(root[one.output], []).append(seen)
    return Scales(
        root,
        {
            key: (min(0.0, *(low for low, _ in some)), max(LEAST, *(high for _, high in some)))
            for key, some in ranges.items()
        },
    )


def _roots(flat: Flat) -> dict[int, int]:
    united = Union()
    for one in flat.operators:
        if one.code in SAME_SCALE:
            for tensor in flat.moving(one):
                united.join(one.output, tensor)
    return {tensor: united.root(tensor) for one in flat.operators for tensor in (*one.inputs, one.output)}
