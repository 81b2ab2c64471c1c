"""Counts in few bytes: Golomb–Rice codes, laid out so that a general compressor removes what is left.

S. Golomb, IEEE Transactions on Information Theory 12(3), 1966; R. Rice, JPL Publication 79-22, 1979. A thousand
values in a thousand gaps take 2,000 bits, which is what their distribution has.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.errors import ConfigError

Integers = NDArray[np.int64]

MOST_BITS = 53
MAX_BYTES = 8 << 20
"""Most that packed counts may unfold to."""


def pack(arrays: Sequence[ArrayLike]) -> bytes:
    """Arrays of whole numbers from 0 on, one after another, compressed."""
    return zlib.compress(b"".join(_encode(np.asarray(array, np.int64).ravel()) for array in arrays), 9)


class Unpacker:
    """Reads back what :func:`pack` wrote, array by array. Raises ConfigError for anything else."""

    def __init__(self, data: bytes) -> None:
        unfolder = zlib.decompressobj()
        try:
            self._data = unfolder.decompress(data, MAX_BYTES)
        except zlib.error as error:
            raise ConfigError(f"counts: {error}") from None
        if not unfolder.eof or unfolder.unused_data:
            raise ConfigError(f"counts: expected one compressed text of up to {MAX_BYTES} bytes")
        self._at = 0

    def take(self, size: int) -> Integers:
        """The next ``size`` numbers."""
        bits, length = self._byte(), int.from_bytes(self._bytes(4), "little")
        if bits > MOST_BITS:
            raise ConfigError(f"counts: at most {MOST_BITS} bits, not {bits}")
        stops = np.flatnonzero(np.unpackbits(np.frombuffer(self._bytes(length), np.uint8)))
        if len(stops) != size:
            raise ConfigError(f"counts: expected {size} numbers, got {len(stops)}")
        values = stops.copy()
        values[1:] -= stops[:-1] + 1
        if not bits:
            return values
        planes = np.frombuffer(self._bytes(bits * _bytes_of(size)), np.uint8).reshape(bits, _bytes_of(size))
        low = np.unpackbits(planes, axis=1, count=size).astype(np.int64)
        if values.max(initial=0) >> (62 - bits):
            raise ConfigError("counts: a number beyond 62 bits")
        return np.asarray((values << bits) + (low << np.arange(bits)[:, None]).sum(axis=0))

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise ConfigError(f"counts: {len(self._data) - self._at} bytes too many")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise ConfigError("counts: cut off")
        self._at += size
        return part


def zigzag(values: Integers) -> Integers:
    """Signed numbers as numbers from 0 on, small ones staying small."""
    return np.where(values < 0, -2 * values - 1, 2 * values)


def unzigzag(values: Integers) -> Integers:
    return np.where(values % 2, -(values + 1) // 2, values // 2)


def _encode(values: Integers) -> bytes:
    """One byte for the number of low bits, four for the length of the unary part, unary part, planes of low bits."""
    bits = _best(values)
    high = values >> bits
    stops = np.cumsum(high + 1) - 1
    unary = np.zeros(int(stops[-1]) + 1 if stops.size else 0, np.uint8)
    unary[stops] = 1
    packed = np.packbits(unary).tobytes()
    planes = np.packbits(((values >> np.arange(bits)[:, None]) & 1).astype(np.uint8), axis=1).tobytes()
    return bytes([bits]) + len(packed).to_bytes(4, "little") + packed + planes


def _best(values: Integers) -> int:
    """The number of low bits that needs the fewest in all."""
    if not values.size:
        return 0
    most = min(MOST_BITS, int(values.max()).bit_length())
    costs = [int((values >> bits).sum()) + bits * values.size for bits in range(most + 1)]
    return int(np.argmin(costs))


def _bytes_of(bits: int) -> int:
    return (bits + 7) // 8
