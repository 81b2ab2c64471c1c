"""One small struct per decision: what the buffer keeps and what leaves the device when asked for."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_STRUCT = struct.Struct("<QQQIfHBBIQ")
SIZE = _STRUCT.size
"""Bytes of one packed record (48)."""

REJECTED = 1
"""Flag: the decision was to reject the part."""


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
    """Position on the belt, see :class:`edge.judgement.Judgement`."""


def pack(records: Iterable[Record]) -> bytes:
    """Little-endian, SIZE bytes each, one after another."""
    return b"".join(_STRUCT.pack(*record) for record in records)


def unpack(data: bytes) -> Iterator[Record]:
    """The inverse of :func:`pack`. Raises struct.error when the length is not a multiple of SIZE."""
    return map(Record._make, _STRUCT.iter_unpack(data))
