"""A float flatbuffer as a differentiable TensorFlow function, with or without the rounding of its quantized form.

Working on the flatbuffer serves every kind of model alike (Keras 3, Keras 2, SavedModel), and batch normalization is
already folded into the weights, so that what is trained is what ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.finetune.operations import FUSED, OPERATIONS
from converter.finetune.rounding import Rounding
from converter.flatbuffer.flat import BuiltinOperator, Flat
from converter.quiet import tensorflow
from edge.errors import ConversionError

TensorValues = dict[int, Any]
"""Tensor number → values."""


def check(flat: Flat) -> None:
    """Raises ConversionError for a graph with more than the operators known here."""
    unknown = sorted({one.kind for one in flat.operators if one.code not in OPERATIONS or one.fused not in FUSED})
    if unknown or not flat.simple:
        why = f"it has the operator {', '.join(unknown)}" if unknown else "it is more than one plain graph"
        raise ConversionError(
            f"this model cannot be fine-tuned or pruned, because {why}; --quantize works without --fine-tune and "
            "--sparsity"
        )


class TrainableNetwork:
    """``trained`` are the weights and biases of the operators that have them, by tensor number."""

    def __init__(self, flat: Flat, rounding: Rounding) -> None:
        """Raises ConversionError for an operator that is not known here."""
        check(flat)
        tf = tensorflow()
        self.flat = flat
        self.rounding = rounding
        weighed = [one for one in flat.operators if one.weighed and flat.is_constant(one.inputs[1])]
        self.kernels = list(dict.fromkeys(one.inputs[1] for one in weighed))
        biases = [tensor for one in weighed for tensor in one.inputs[2:] if tensor >= 0]
        self.trained = {
            tensor: tf.Variable(flat.floats(tensor)) for tensor in dict.fromkeys([*self.kernels, *biases])
        }
        self._constants = {
            tensor: _constant(flat, tensor)
            for one in flat.operators
            for tensor in one.inputs
            if tensor >= 0 and flat.is_constant(tensor) and tensor not in self.trained
        }

    def __call__(self, pixels: Any, masks: Mapping[int, Any] | None = None) -> TensorValues:
        """All tensors for ``pixels`` (n, height, width, channels), 0..255 float32; ``masks`` blot out weights."""
        given = {int(self.flat.graph.inputs[0]): tensorflow().convert_to_tensor(pixels)}
        known: TensorValues = {-1: None, **self._constants, **self.trained, **given}
        for tensor, mask in (masks or {}).items():
            known[tensor] = known[tensor] * mask
        for one, item in zip(self.flat.operators, self.flat.graph.operators, strict=True):
            inputs = self.rounding.inputs(one, [known[tensor] for tensor in one.inputs])
            result = OPERATIONS[one.code](item.builtinOptions, inputs, self.flat.shape(one.output))
            known[one.output] = self.rounding.output(one, FUSED[one.fused](result))
        return known

    @property
    def softmax(self) -> bool:
        """The graph ends in one."""
        return bool(self.flat.operators[-1].code == BuiltinOperator.SOFTMAX)

    @property
    def scores(self) -> int:
        return self.flat.operators[-1].output

    @property
    def logits(self) -> int:
        """Inputs of the softmax; the scores where there is none."""
        return self.flat.operators[-1].inputs[0] if self.softmax else self.scores


def _constant(flat: Flat, tensor: int) -> NDArray[np.generic]:
    data = bytes(flat.model.buffers[flat.graph.tensors[tensor].buffer].data)
    return np.frombuffer(data, "<f4" if flat.is_float(tensor) else "<i4").reshape(flat.shape(tensor))
