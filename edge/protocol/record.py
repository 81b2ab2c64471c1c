"""One small struct per decision: what the buffer keeps and what leaves the device when asked for.

Packed form, many records to a blob, because an SD card dies of what is written to it: a version byte, the number of
records (uint32), then one zlib stream of columns. Columns that count (``seq``, clocks, ``part``, ``belt_px``) hold
differences to the record before, zigzag-coded; ``wall_ns`` the difference to ``captured_ns`` first. Each column is
stored byte plane by byte plane, so that bytes that hardly change stand together. All integers little-endian. About
11 bytes a record of a real line, against 48 as a plain struct; every bit comes back.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

VERSION = 2
"""Version of the packed form; 1 was the plain struct, before the first release."""
MAX_RECORDS = 1 << 16
"""In one blob: bounds what a damaged or hostile one may unpack to (3 MB)."""
SIZE = 48
"""Bytes of one record before compression."""

REJECTED = 1
"""Flag: the decision was to reject the part."""
CLOCK_CORRECTED = 2
"""Flag, only in what is read or sent: ``wall_ns`` was moved, because the clock was set after the capture."""


class Record(NamedTuple):
    """A decision. ``(device, boot_id, seq)`` names it everywhere."""

    seq: int
    """Count of records since the daemon's start, from 0, without gaps."""
    captured_ns: int
    """Monotonic clock at capture."""
    wall_ns: int
    """Wall clock at capture."""
    latency_us: int
    """From capture to decision, microseconds."""
    score: float
    """Score of the label, 0 to 1 for softmax and sigmoid outputs; float32."""
    label: int
    """Index into the model's labels."""
    flags: int
    camera: int = 0
    """Index of the camera."""
    part: int = 0
    """Number of the part, or of the frame, from this camera; gaps are parts or frames that were not judged."""
    belt_px: int = 0
    """Position on the belt, see :class:`edge.inference.judgement.Judgement`."""


_TYPES = tuple(map(np.dtype, ("<u8", "<u8", "<u8", "<u4", "<f4", "<u2", "u1", "u1", "<u4", "<u8")))
_COUNTS = ("seq", "captured_ns", "wall_ns", "part", "belt_px")
_HEAD = struct.Struct("<BI")

RecordColumn = NDArray[Any]


def pack(records: Iterable[Record]) -> bytes:
    """At most MAX_RECORDS. Raises OverflowError for a number that its column cannot hold."""
    records = list(records)
    columns = [_column(values, dtype) for values, dtype in zip(zip(*records, strict=True), _TYPES, strict=False)]
    planes = b"".join(_planes(column) for column in _differences(columns))
    return _HEAD.pack(VERSION, len(records)) + zlib.compress(planes, 1)


def unpack(data: bytes) -> Iterator[Record]:
    """The inverse of :func:`pack`. Raises ValueError, at the call, for what :func:`pack` did not make."""
    try:
        version, count = _HEAD.unpack_from(data)
    except struct.error:
        raise ValueError(f"packed records: {len(data)} bytes are too short") from None
    if version != VERSION or count > MAX_RECORDS:
        raise ValueError(f"packed records: version {version} with {count} records; expected version {VERSION}")
    columns = _sums(_columns(_inflate(data[_HEAD.size :], count * SIZE), count))
    return map(Record._make, zip(*(column.tolist() for column in columns), strict=True))


def _column(values: tuple[Any, ...], dtype: np.dtype[Any]) -> RecordColumn:
    if dtype.kind == "f":
        return np.array(values, dtype)
    if min(values) < 0 or max(values) > np.iinfo(dtype).max:
        raise OverflowError(f"record: {min(values)} to {max(values)} does not fit into {dtype}")
    return np.array(values, dtype)


def _inflate(stream: bytes, size: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        planes = inflater.decompress(stream, size + 1)
    except zlib.error as error:
        raise ValueError(f"packed records: {error}") from None
    if len(planes) != size or not inflater.eof:
        raise ValueError(f"packed records: expected a stream of {size} bytes")
    return planes


def _planes(column: RecordColumn) -> bytes:
    return column.view(np.uint8).reshape(len(column), column.itemsize).T.tobytes()


def _columns(planes: bytes, count: int) -> list[RecordColumn]:
    columns, at = [], 0
    for dtype in _TYPES:
        size = dtype.itemsize * count
        plane = np.frombuffer(planes, np.uint8, size, at).reshape(dtype.itemsize, count)
        columns.append(np.ascontiguousarray(plane.T).reshape(-1).view(dtype))
        at += size
    return columns


def _differences(columns: list[RecordColumn]) -> Iterator[RecordColumn]:
    """Modulo 2**bits throughout, so that nothing overflows."""
    named = dict(zip(Record._fields, columns, strict=False))
    if columns:
        named["wall_ns"] = named["wall_ns"] - named["captured_ns"]
    for name, column in named.items():
        yield _zigzag(np.diff(column, prepend=column.dtype.type(0))) if name in _COUNTS else column


def _sums(columns: list[RecordColumn]) -> list[RecordColumn]:
    named = dict(zip(Record._fields, columns, strict=True))
    for name in _COUNTS:
        named[name] = np.cumsum(_unzigzag(named[name]), dtype=named[name].dtype)
    named["wall_ns"] = named["wall_ns"] + named["captured_ns"]
    return list(named.values())


def _zigzag(column: RecordColumn) -> RecordColumn:
    """Small differences of either sign become small numbers: 0, -1, 1, -2, … → 0, 1, 2, 3, …"""
    bits, signed = column.itemsize * 8, column.view(f"<i{column.itemsize}")
    return ((signed << 1) ^ (signed >> (bits - 1))).view(column.dtype)


def _unzigzag(column: RecordColumn) -> RecordColumn:
    one = column.dtype.type(1)
    decoded: RecordColumn = (column >> one) ^ (~(column & one) + one)
    return decoded
