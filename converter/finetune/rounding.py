"""Arithmetic of each way to quantize: what it does to the numbers in and between the operators."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from converter.finetune import fake
from converter.finetune.scales import FIXED, shared_scales
from converter.flatbuffer.flat import BuiltinOperator, Flat, FlatOperator
from converter.quiet import tensorflow

DYNAMIC_LEAST = 1024
"""Weights with fewer values stay float32 in TensorFlow's dynamic-range files."""


class Rounding:
    """Float32: nothing is rounded."""

    trained: tuple[Any, ...] = ()
    """``tf.Variable`` objects."""

    def inputs(self, one: FlatOperator, inputs: list[Any]) -> list[Any]:
        """Inputs as the operator's kernel sees them."""
        return inputs

    def output(self, one: FlatOperator, values: Any) -> Any:
        """Output as the operator's kernel gives it."""
        return values

    def restrain(self) -> None:
        """After a step of training: what is trained stays possible."""

    def write(self, into: Flat) -> None:
        """Writes the trained numbers into a flatbuffer."""


class Dynamic(Rounding):
    """Int8 weights; what they are multiplied with is rounded picture by picture."""

    def inputs(self, one: FlatOperator, inputs: list[Any]) -> list[Any]:
        if not one.weighed or inputs[1].shape.num_elements() < DYNAMIC_LEAST:
            return inputs
        return [fake.by_picture(inputs[0]), _weights(one, inputs[1]), *inputs[2:]]


class Int8(Rounding):
    """Integers throughout, but for the operators whose outputs are named in ``kept_float``. Ranges are trained."""

    def __init__(self, flat: Flat, kept_float: Collection[str] = ()) -> None:
        tf = tensorflow()
        self._kept = {one.output for one in flat.operators if flat.name(one.output) in kept_float}
        self._between_kept = {
            tensor for tensor in self._kept if all(user.output in self._kept for user in flat.users(tensor))
        }
        self._scales = shared_scales(flat)
        self._ranges = {
            root: (tf.Variable(low), tf.Variable(high)) for root, (low, high) in self._scales.seen.items()
        }
        # Where nothing is below zero, as after ReLU, a lower end below it would waste steps.
        self.trained = tuple(
            end
            for root, (low, high) in self._ranges.items()
            for end in ((low, high) if self._scales.seen[root][0] < 0 else (high,))
        )

    def inputs(self, one: FlatOperator, inputs: list[Any]) -> list[Any]:
        if not one.weighed or one.output in self._kept:
            return inputs
        return [inputs[0], _weights(one, inputs[1]), *inputs[2:]]

    def output(self, one: FlatOperator, values: Any) -> Any:
        ends = FIXED.get(one.code) or self._ranges.get(self._scales.root[one.output])
        if ends is None or one.output in self._between_kept:
            return values
        return fake.activation(values, *ends)

    def restrain(self) -> None:
        tf = tensorflow()
        for low, high in self._ranges.values():
            low.assign(tf.minimum(low, 0.0))
            high.assign(tf.maximum(high, fake.LEAST))

    def write(self, into: Flat) -> None:
        for tensor, root in self._scales.root.items():
            if root in self._ranges and into.range(tensor) is not None:
                low, high = self._ranges[root]
                into.set_range(tensor, float(low), float(high))


def _weights(one: FlatOperator, values: Any) -> Any:
    """A scale for each output channel; one for all of a dense layer, as ``quantize.to_int8`` has it."""
    if one.code == BuiltinOperator.FULLY_CONNECTED:
        return fake.weights(values, (0, 1))
    return fake.weights(values, (0, 1, 2) if one.code == BuiltinOperator.DEPTHWISE_CONV_2D else (1, 2, 3))
