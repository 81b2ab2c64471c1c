"""Just enough of FlatBuffers to read what a TFLite model says about itself, every offset checked.

Layout: https://flatbuffers.dev/internals/. Field numbers are those of the TFLite schema (``schema.fbs``) and of
the TFLite Metadata schema (``metadata_schema.fbs``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from edge.errors import ArtifactError

T = TypeVar("T")

MAX_VECTOR = 1 << 20


class FlatbufferTable:
    """One table inside ``data``; fields are asked for by their number in the schema."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._vtable = position - _unpack("<i", data, position)
        self._vtable_size = _unpack("<H", data, self._vtable)

    @classmethod
    def root(cls, data: bytes) -> FlatbufferTable:
        """The root table. Raises ArtifactError, as every method here does, on a damaged buffer."""
        return cls(data, _unpack("<I", data, 0))

    def number(self, field: int, layout: str, default: int = 0) -> int:
        """A scalar; ``layout`` is its struct code, such as ``<i`` or ``<b``."""
        place = self._field(field)
        return default if place is None else int(_unpack(layout, self._data, place))

    def table(self, field: int) -> FlatbufferTable | None:
        place = self._field(field)
        return None if place is None else FlatbufferTable(self._data, self._follow(place))

    def string(self, field: int) -> str:
        return self.bytes(field).decode("utf-8", "replace")

    def bytes(self, field: int) -> bytes:
        """A string or a vector of bytes; empty when it is not there."""
        place = self._field(field)
        if place is None:
            return b""
        start, length = self._vector(self._follow(place), len(self._data))
        if start + length > len(self._data):
            raise _damaged()
        return self._data[start : start + length]

    def tables(self, field: int) -> list[FlatbufferTable]:
        return self._items(field, lambda place: FlatbufferTable(self._data, self._follow(place)))

    def floats(self, field: int) -> list[float]:
        return self._items(field, lambda place: float(_unpack("<f", self._data, place)))

    def _items(self, field: int, read: Callable[[int], T]) -> list[T]:
        place = self._field(field)
        if place is None:
            return []
        start, length = self._vector(self._follow(place), MAX_VECTOR)
        return [read(start + 4 * i) for i in range(length)]

    def _field(self, field: int) -> int | None:
        slot = 4 + 2 * field
        if slot + 2 > self._vtable_size:
            return None
        offset = _unpack("<H", self._data, self._vtable + slot)
        return self._position + offset if offset else None

    def _follow(self, place: int) -> int:
        return place + int(_unpack("<I", self._data, place))

    def _vector(self, place: int, limit: int) -> tuple[int, int]:
        length = int(_unpack("<I", self._data, place))
        if length > limit:
            raise _damaged()
        return place + 4, length


def _unpack(layout: str, data: bytes, place: int) -> int:
    if place < 0:
        raise _damaged()
    try:
        value: int = struct.unpack_from(layout, data, place)[0]
    except struct.error:
        raise _damaged() from None
    return value


def _damaged() -> ArtifactError:
    return ArtifactError("the flatbuffer is damaged (an offset points outside it); copy or convert it again")
