"""A flatbuffer in which equal things are written once, whatever their kind: strings, vectors, whole tables.

The format allows it: an offset may point to what others point to, and readers cannot tell. Within a table the fields
are put by their size, so that those of one byte share a word. Layout: https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 16
"""Alignment of vectors of bytes, as runtimes want it of the weights (``force_align`` in TFLite's schema)."""


class SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]  # the package has no types
    """Takes a table's fields first and writes it when it is whole, unless an equal one is there."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._vectors: dict[tuple[str, bytes], int] = {}
        self._tables: dict[tuple[Any, ...], int] = {}
        self._fields: dict[int, tuple[Any, Any]] = {}
        """Slot → (type of a scalar, value), or (None, offset)."""

    def PrependSlot(self, flags: Any, o: int, x: Any, d: Any) -> None:  # noqa: N802
        if x != d:
            self._fields[o] = (flags, x)

    def PrependUOffsetTRelativeSlot(self, o: int, x: int, d: int) -> None:  # noqa: N802
        if x != d:
            self._fields[o] = (None, x)

    def StartObject(self, numfields: int) -> None:  # noqa: N802
        self._fields = {}
        super().StartObject(numfields)

    def EndObject(self) -> int:  # noqa: N802
        # No two tables of different types are mixed up: equal fields in equal slots are equal bytes.
        key = tuple((slot, flags and flags.__name__, value) for slot, (flags, value) in sorted(self._fields.items()))
        if key in self._tables:
            self.nested, self.current_vtable = False, None
        else:
            self._put_fields()
            self._tables[key] = int(super().EndObject())
        return self._tables[key]

    def _put_fields(self) -> None:
        """The smallest first: what is written first stands last, before something that is aligned already."""
        for slot, (flags, value) in sorted(self._fields.items(), key=_width):
            if flags is None:
                super().PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                super().PrependSlot(flags, slot, value, None)

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
        key = (x.dtype.str, x.tobytes())
        if key not in self._vectors:
            self._vectors[key] = self._aligned(key[1]) if x.dtype == np.uint8 else super().CreateNumpyVector(x)
        return self._vectors[key]

    def CreateString(self, s: str | bytes, *args: Any, **kwargs: Any) -> int:  # noqa: N802
        key = ("string", s if isinstance(s, bytes) else s.encode())
        if key not in self._vectors:
            self._vectors[key] = int(super().CreateString(s, *args, **kwargs))
        return self._vectors[key]

    def _aligned(self, data: bytes) -> int:
        self.StartVector(1, len(data), ALIGNMENT)
        self.head -= len(data)
        self.Bytes[self.head : self.head + len(data)] = data
        self.vectorNumElems = len(data)
        return int(self.EndVector())


def _width(field: tuple[int, tuple[Any, Any]]) -> int:
    flags = field[1][0]
    return 4 if flags is None else int(flags.bytewidth)
