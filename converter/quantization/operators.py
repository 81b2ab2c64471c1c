"""Which operators a model needs, and whether every TFLite runtime has them.

Operators outside the builtin set are Flex (TensorFlow's own, from a library of hundreds of megabytes that no Python
runtime for devices carries) or custom (the application's own). Neither runs on a device of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from edge.errors import ConversionError

WAY_OUT = "replace the layer by one of Keras' own, or move it out of the model"

_NEEDED = re.compile(r'fused\["\w+:", "([^"@]+)@?[^"]*"\].{0,400}?\'tf\.(\w+)\' op is neither a custom op nor', re.S)
"""TensorFlow's converter: the operation's name within the graph, and its kind."""


@dataclass(frozen=True, slots=True)
class OperatorSupport:
    kind: str
    version: int
    builtin: bool
    place: str
    """Name of its output, which begins with the layer's."""


def operators(flatbuffer: bytes) -> Iterator[OperatorSupport]:
    """Operators of every subgraph, in order."""
    model = schema.Model.GetRootAs(flatbuffer, 0)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    for index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(index)
        for position in range(graph.OperatorsLength()):
            operator = graph.Operators(position)
            kind = model.OperatorCodes(operator.OpcodeIndex())
            # Files older than 2020 hold the code in the deprecated field alone.
            code = max(kind.BuiltinCode(), kind.DeprecatedBuiltinCode())
            builtin = code != schema.BuiltinOperator.CUSTOM
            name = names.get(code, str(code)) if builtin else (kind.CustomCode() or b"custom").decode()
            place = graph.Tensors(operator.Outputs(0)).Name() if operator.OutputsLength() else b""
            yield OperatorSupport(name, kind.Version(), builtin, (place or b"").decode("utf-8", "replace"))


def check_builtin(path: Path, flatbuffer: bytes) -> None:
    """Raises ConversionError, naming the layer, for a model that needs Flex or custom operators."""
    for operator in operators(flatbuffer):
        if not operator.builtin:
            raise _refusal(path, operator.place, operator.kind)


def refused(path: Path, message: str) -> ConversionError | None:
    """Line that names the operator that TensorFlow cannot convert, from its ConverterError ``message``."""
    found = _NEEDED.search(message)
    return _refusal(path, found[1], found[2]) if found else None


def _refusal(path: Path, place: str, kind: str) -> ConversionError:
    parts = [part for part in place.split("/") if part]
    # Keras 3 puts the model's name first and numbers the calls of a layer.
    layer = re.sub(r"_\d+$", "", parts[1]) if len(parts) > 2 else place
    return ConversionError(
        f"{path}: layer {layer!r} needs the operator {kind}, which TFLite's builtin set does not have; {WAY_OUT}"
    )
