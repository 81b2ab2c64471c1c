"""Tensors that a positive factor passes between: scaled together, the graph computes the same function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from converter.flatbuffer.flat import Flat, FlatOperator

ScaleRole = Literal["passes", "absorbs", "absorbs its input", "neither"]
"""Role of an operator for a scale factor: hands it on; takes one in and gives another out, for its weights can make
up for both; takes one in alone; or can have none."""


class Union:
    """Tensors that belong together."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def root(self, tensor: int) -> int:
        """One of those that belong to it, always the same one."""
        while (parent := self._parent.get(tensor, tensor)) != tensor:
            tensor = parent
        return tensor

    def join(self, tensor: int, other: int) -> None:
        """The root becomes that of ``other``."""
        self._parent[self.root(tensor)] = self.root(other)


def groups(flat: Flat, part: Callable[[Flat, FlatOperator], ScaleRole]) -> list[list[int]]:
    """Tensors that must have the same factor, where all who make and use them can take part."""
    united = Union()
    fixed = {int(tensor) for tensor in (*flat.graph.inputs, *flat.graph.outputs)}
    for one in flat.operators:
        moving, plays = flat.moving(one), part(flat, one)
        if plays == "passes":
            for tensor in moving:
                united.join(tensor, one.output)
        elif plays == "neither":
            fixed |= {one.output, *moving}
        elif plays == "absorbs its input":
            fixed.add(one.output)
    members: dict[int, list[int]] = {}
    for one in flat.operators:
        members.setdefault(united.root(one.output), []).append(one.output)
    stuck = {united.root(tensor) for tensor in fixed}
    return [group for key, group in members.items() if key not in stuck]
