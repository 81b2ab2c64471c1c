"""Adds a metadata buffer to a TFLite flatbuffer without touching a byte of it.

Unpacking and packing again, as the generated Python API does it, loses the 16-byte alignment of the weights. Instead
a prefix goes in front: a new root table, new vectors of buffers and metadata, the new buffer. Offsets in a flatbuffer
are relative and point forward, so the old tables stay valid where they are, and as the prefix is a multiple of 16
bytes long they stay aligned. Layout: https://flatbuffers.dev/internals/; tables and fields: TFLite's ``schema.fbs``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edge.errors import ConversionError
from edge.inference.artifact.container import IDENTIFIER, check_identifier

ALIGNMENT = 16

_BUFFERS, _METADATA = 4, 6
"""Fields of Model."""
_VERSION = 0
"""The only field of Model that is a number; all others are offsets."""
_BUFFER_OFFSET = 1
"""Field of Buffer: data outside the flatbuffer, at an absolute place in the file."""


def embed(flatbuffer: bytes, name: str, content: bytes) -> bytes:
    """The model with ``content`` as metadata ``name``, in place of any of that name.

    Raises ArtifactError, ConversionError.
    """
    check_identifier(flatbuffer)
    root = _Root.read(flatbuffer, name)
    prefix = _prefix_size(root, name, content)
    return _prefix(root, name, content, prefix) + flatbuffer


@dataclass(frozen=True)
class _Root:
    """The old root table; places count from the old file's start."""

    version: int
    fields: dict[int, int]
    """Field number → place of what it points to."""
    buffers: list[int]
    metadata: list[int]
    """Places of the tables."""

    @classmethod
    def read(cls, data: bytes, replaced: str) -> _Root:
        """Without the metadata named ``replaced``."""
        (table,) = struct.unpack_from("<I", data, 0)
        slots = _slots(data, table)
        (version,) = struct.unpack_from("<I", data, table + slots.pop(_VERSION))
        fields = {number: _follow(data, table + slot) for number, slot in slots.items()}
        metadata = [place for place in _vector(data, fields.get(_METADATA)) if _name(data, place) != replaced]
        root = cls(version, fields, _vector(data, fields.get(_BUFFERS)), metadata)
        if any(_BUFFER_OFFSET in _slots(data, place) for place in root.buffers):
            raise ConversionError("the model is over 2 GB and keeps weights outside its flatbuffer; not supported")
        return root


def _prefix_size(root: _Root, name: str, content: bytes) -> int:
    return len(_prefix(root, name, content, 0))


def _prefix(root: _Root, name: str, content: bytes, old: int) -> bytes:
    """``old`` is where the old file will begin: the length of this prefix, or 0 while that is not known."""
    writer = _Writer(old)
    fields = sorted(root.fields.keys() | {_BUFFERS, _METADATA})
    root_slot = writer.reserve(1)
    writer.data += IDENTIFIER
    table = writer.table({_VERSION: root.version, **dict.fromkeys(fields, 0)})
    writer.point(root_slot, table.place)
    for number in fields:
        if number not in (_BUFFERS, _METADATA):
            writer.point_old(table.slots[number], root.fields[number])
    new_buffer = writer.extended_vector(table.slots[_BUFFERS], root.buffers)
    new_metadata = writer.extended_vector(table.slots[_METADATA], root.metadata)

    entry = writer.table({0: 0, 1: len(root.buffers)})
    writer.point(new_metadata, entry.place)
    writer.point(entry.slots[0], len(writer.data))
    writer.bytes(name.encode() + b"\0", length=len(name.encode()))

    buffer = writer.table({0: 0})
    writer.point(new_buffer, buffer.place)
    writer.pad(ALIGNMENT, before=4)
    writer.point(buffer.slots[0], len(writer.data))
    writer.bytes(content, length=len(content))
    writer.pad(ALIGNMENT)
    return bytes(writer.data)


@dataclass(frozen=True)
class _Table:
    place: int
    slots: dict[int, int]
    """Field number → place of its four bytes."""


class _Writer:
    """Appends; offsets are filled in when what they point to has its place."""

    def __init__(self, old: int) -> None:
        self.data = bytearray()
        self._old = old

    def reserve(self, words: int) -> int:
        place = len(self.data)
        self.data += bytes(4 * words)
        return place

    def table(self, fields: dict[int, int]) -> _Table:
        """A vtable and its table of four-byte fields."""
        numbers = sorted(fields)
        offsets = [0] * (numbers[-1] + 1)
        for position, number in enumerate(numbers):
            offsets[number] = 4 + 4 * position
        vtable = len(self.data)
        self.data += struct.pack(f"<HH{len(offsets)}H", 4 + 2 * len(offsets), 4 + 4 * len(numbers), *offsets)
        self.pad(4)
        place = len(self.data)
        self.data += struct.pack(f"<i{len(numbers)}I", place - vtable, *(fields[number] for number in numbers))
        return _Table(place, {number: place + offsets[number] for number in numbers})

    def extended_vector(self, slot: int, places: list[int]) -> int:
        """A vector of the old tables and one more; ``slot`` points to it, and the new one's slot is returned."""
        self.point(slot, len(self.data))
        self.data += struct.pack("<I", len(places) + 1)
        for place in places:
            self.point_old(self.reserve(1), place)
        return self.reserve(1)

    def bytes(self, content: bytes, length: int) -> None:
        self.data += struct.pack("<I", length) + content
        self.pad(4)

    def pad(self, multiple: int, before: int = 0) -> None:
        """Zeros until what comes ``before`` bytes later stands at a multiple."""
        self.data += bytes(-(len(self.data) + before) % multiple)

    def point(self, slot: int, place: int) -> None:
        struct.pack_into("<I", self.data, slot, place - slot)

    def point_old(self, slot: int, place: int) -> None:
        # While the length is not known the difference may be negative; the value is not looked at then.
        struct.pack_into("<I", self.data, slot, (self._old + place - slot) & 0xFFFFFFFF)


def _slots(data: bytes, table: int) -> dict[int, int]:
    """Field number → offset within the table, of the fields that are there."""
    (back,) = struct.unpack_from("<i", data, table)
    (size,) = struct.unpack_from("<H", data, table - back)
    offsets = struct.unpack_from(f"<{size // 2 - 2}H", data, table - back + 4)
    return {number: offset for number, offset in enumerate(offsets) if offset}


def _name(data: bytes, metadata: int) -> str:
    slot = _slots(data, metadata).get(0)
    if slot is None:
        return ""
    place = _follow(data, metadata + slot)
    (length,) = struct.unpack_from("<I", data, place)
    return data[place + 4 : place + 4 + length].decode("utf-8", "replace")


def _follow(data: bytes, slot: int) -> int:
    (offset,) = struct.unpack_from("<I", data, slot)
    return slot + int(offset)


def _vector(data: bytes, place: int | None) -> list[int]:
    if place is None:
        return []
    (length,) = struct.unpack_from("<I", data, place)
    return [_follow(data, place + 4 + 4 * index) for index in range(length)]
