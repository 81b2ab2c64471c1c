"""TFLite Metadata: what the model takes and gives, readable by any tool that knows the standard.

Field numbers are those of ``metadata_schema.fbs`` 1.0 (tensorflow/tflite-support), file identifier M001.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers

from edge.inference.artifact.manifest import InputSpec

NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
PARSER_VERSION = "1.0.0"

_TENSOR_AXIS_LABELS = 2
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2
_NORMALIZATION_OPTIONS = 1
_COLOUR_SPACES = {"BGR": 0, "RGB": 1, "GRAY": 2}
"""The standard has no word for BGR: 0 is unknown."""


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Text about the model that people read."""

    name: str
    version: int
    text: str


def model_metadata(description: ModelDescription, spec: InputSpec, labels_file: str) -> bytes:
    """The flatbuffer that goes into the model's metadata under ``NAME``."""
    builder = flatbuffers.Builder(1024)
    subgraph = _table(
        builder,
        {
            2: _tables(builder, [_input(builder, spec)]),
            3: _tables(builder, [_output(builder, labels_file)]),
        },
    )
    root = _table(
        builder,
        {
            0: builder.CreateString(description.name),
            1: builder.CreateString(description.text),
            2: builder.CreateString(str(description.version)),
            3: _tables(builder, [subgraph]),
            7: builder.CreateString(PARSER_VERSION),
        },
    )
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: Any, spec: InputSpec) -> int:
    size = _table(builder, {0: (builder.PrependUint32Slot, spec.width), 1: (builder.PrependUint32Slot, spec.height)})
    image = _table(builder, {0: (builder.PrependInt8Slot, _COLOUR_SPACES[spec.colour]), 1: size})
    normalization = _table(builder, {0: _floats(builder, spec.mean), 1: _floats(builder, spec.std)})
    unit = _table(builder, {0: (builder.PrependUint8Slot, _NORMALIZATION_OPTIONS), 1: normalization})
    return _table(
        builder,
        {
            0: builder.CreateString("image"),
            1: builder.CreateString("The picture to be judged."),
            3: _content(builder, _IMAGE_PROPERTIES, image),
            4: _tables(builder, [unit]),
            5: _pixel_range(builder),
        },
    )


def _output(builder: Any, labels_file: str) -> int:
    file = _table(
        builder,
        {
            0: builder.CreateString(labels_file),
            1: builder.CreateString("One label a line, in the order of the scores."),
            2: (builder.PrependInt8Slot, _TENSOR_AXIS_LABELS),
        },
    )
    return _table(
        builder,
        {
            0: builder.CreateString("scores"),
            1: builder.CreateString("One score per label."),
            3: _content(builder, _FEATURE_PROPERTIES, _table(builder, {})),
            6: _tables(builder, [file]),
        },
    )


def _content(builder: Any, kind: int, properties: int) -> int:
    return _table(builder, {0: (builder.PrependUint8Slot, kind), 1: properties})


def _pixel_range(builder: Any) -> int:
    return _table(builder, {0: _floats(builder, [255.0]), 1: _floats(builder, [0.0])})


def _table(builder: Any, fields: dict[int, int | tuple[Callable[..., None], int]]) -> int:
    """Field number → the offset of something written before, or (slot writer, scalar)."""
    builder.StartObject(max(fields, default=-1) + 1)
    for number, value in fields.items():
        if isinstance(value, tuple):
            write, scalar = value
            write(number, scalar, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, value, 0)
    return int(builder.EndObject())


def _tables(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
