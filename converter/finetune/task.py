"""Description of a training, handed to its process."""

from __future__ import annotations

from dataclasses import dataclass

from converter.choices import EPOCHS, Quantize
from converter.finetune.rounding import Dynamic, Int8, Rounding
from converter.flatbuffer.flat import Flat


@dataclass(frozen=True, slots=True)
class Task:
    recipe: Quantize
    epochs: int = EPOCHS
    sparsity: float = 0.0
    """Share of the weights that shall be zero."""
    seed: int = 0
    kept_float: tuple[str, ...] = ()
    """Output tensors of the operators that stay float32 in an int8 graph."""


def rounding_of(task: Task, flat: Flat) -> Rounding:
    """Rounding that the quantized graph will do to its numbers."""
    if task.recipe in ("int8", "mixed"):
        return Int8(flat, task.kept_float)
    return Dynamic() if task.recipe == "dynamic" else Rounding()
