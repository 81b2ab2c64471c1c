"""Statements of a ``.tflite`` about itself by the public standards, whoever made it.

Sources: ``min_runtime_version`` is written by TensorFlow's converter; the rest is TFLite Metadata
(``TFLITE_METADATA``, file identifier M001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.inference.artifact.flatbuffer import FlatbufferTable

# Field numbers: Model, Metadata, Buffer of schema.fbs.
_BUFFERS, _METADATA = 4, 6
# ModelMetadata, SubGraphMetadata, TensorMetadata, … of metadata_schema.fbs.
_NAME, _SUBGRAPHS, _INPUTS, _OUTPUTS = 0, 3, 2, 3
_CONTENT, _PROCESS_UNITS, _TENSOR_FILES = 3, 4, 6
_NORMALIZATION, _IMAGE_PROPERTIES, _AXIS_LABELS = 1, 2, 2
_COLOURS: dict[int, Literal["RGB", "GRAY"]] = {1: "RGB", 2: "GRAY"}


@dataclass(frozen=True, slots=True)
class Stated:
    """Empty or None where the file says nothing."""

    name: str = ""
    min_runtime: str = ""
    colour: Literal["RGB", "GRAY"] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels_file: str = ""


def read_stated(flatbuffer: bytes) -> Stated:
    """Raises ArtifactError on a damaged flatbuffer."""
    model = FlatbufferTable.root(flatbuffer)
    buffers = model.tables(_BUFFERS)
    entries = {entry.string(0): entry.number(1, "<I") for entry in model.tables(_METADATA)}

    def content(name: str) -> bytes:
        index = entries.get(name, -1)
        return buffers[index].bytes(0) if 0 <= index < len(buffers) else b""

    min_runtime = content("min_runtime_version").rstrip(b"\0").decode("ascii", "replace")
    metadata = content("TFLITE_METADATA")
    if metadata[4:8] != b"M001":
        return Stated(min_runtime=min_runtime)
    return _from_metadata(FlatbufferTable.root(metadata), min_runtime)


def _from_metadata(metadata: FlatbufferTable, min_runtime: str) -> Stated:
    subgraphs = metadata.tables(_SUBGRAPHS)
    inputs = subgraphs[0].tables(_INPUTS) if subgraphs else []
    outputs = subgraphs[0].tables(_OUTPUTS) if subgraphs else []
    mean, std = _normalization(inputs[0]) if inputs else ((), ())
    return Stated(
        name=metadata.string(_NAME),
        min_runtime=min_runtime,
        colour=_colour(inputs[0]) if inputs else None,
        mean=mean,
        std=std,
        labels_file=_labels_file(outputs[0]) if outputs else "",
    )


def _normalization(tensor: FlatbufferTable) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for unit in tensor.tables(_PROCESS_UNITS):
        options = unit.table(1)
        if unit.number(0, "<B") == _NORMALIZATION and options is not None:
            return tuple(options.floats(0)), tuple(options.floats(1))
    return (), ()


def _colour(tensor: FlatbufferTable) -> Literal["RGB", "GRAY"] | None:
    content = tensor.table(_CONTENT)
    if content is None or content.number(0, "<B") != _IMAGE_PROPERTIES:
        return None
    image = content.table(1)
    return None if image is None else _COLOURS.get(image.number(0, "<b"))


def _labels_file(tensor: FlatbufferTable) -> str:
    files = tensor.tables(_TENSOR_FILES)
    named = [file.string(0) for file in files if file.number(2, "<b") == _AXIS_LABELS]
    return named[0] if named else ""
