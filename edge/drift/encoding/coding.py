"""Counts in few bytes: Golomb–Rice codes, laid out so that a general compressor removes what is left.

S. Golomb, IEEE Transactions on Information Theory 12(3), 1966; R. Rice, JPL Publication 79-22, 1979. A thousand
values in a thousand gaps take 2,000 bits, which is what their distribution has.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from edge.core.arrays import Integers
from edge.errors import ConfigError

MAX_BITS = 53
MAX_BYTES = 8 << 20
"""Most that texts which are read together may unfold to."""
_HEAD = 5
"""Bytes before the code of each array: one for the number of low bits, four for the length of the unary part."""


def pack(arrays: Sequence[ArrayLike]) -> bytes:
    """Arrays of whole numbers from 0 on, one after another, compressed."""
    return zlib.compress(b"".join(_encode(np.asarray(array, np.int64).ravel()) for array in arrays), 9)


class Unpacker:
    """Reads back what :func:`pack` wrote, array by array, of several texts at once: numpy is called once for all.

    Raises ConfigError for anything else.
    """

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._texts: list[bytes] = []
        room = MAX_BYTES
        for text in texts:
            self._texts.append(_unfold(text, room))
            room -= len(self._texts[-1])
        self._at = [0] * len(texts)

    def take(self, sizes: int | Integers) -> Integers:
        """The next array of each text, one after another; each has so many numbers."""
        each = np.full(len(self._texts), sizes, np.int64)
        codes = [self._code(place, size) for place, size in enumerate(each.tolist())]
        if all(code == (0, _nothing(size), b"") for code, size in zip(codes, each.tolist(), strict=True)):
            return np.zeros(each.sum(), np.int64)
        values = _unary([unary for _, unary, _ in codes], each)
        bits = np.array([bits for bits, _, _ in codes], np.int64)
        return _with_low(values, bits, [planes for *_, planes in codes], each) if bits.any() else values

    def end(self) -> None:
        """Nothing may be left."""
        for text, at in zip(self._texts, self._at, strict=True):
            if at != len(text):
                raise ConfigError(f"counts: {len(text) - at} bytes too many")

    def _code(self, place: int, size: int) -> tuple[int, bytes, bytes]:
        """Number of low bits, unary part and low bits."""
        text, at = self._texts[place], self._at[place]
        bits = text[at] if at < len(text) else 0
        if bits > MAX_BITS:
            raise ConfigError(f"counts: at most {MAX_BITS} bits, not {bits}")
        begin = at + _HEAD
        middle = begin + int.from_bytes(text[at + 1 : begin], "little")
        end = self._at[place] = middle + bits * _bytes_of(size)
        if max(begin, end) > len(text):
            raise ConfigError("counts: cut off")
        return bits, text[begin:middle], text[middle:end]


def zigzag(values: Integers) -> Integers:
    """Signed numbers as numbers from 0 on, small ones staying small."""
    return np.where(values < 0, -2 * values - 1, 2 * values)


def unzigzag(values: Integers) -> Integers:
    return (values >> 1) ^ -(values & 1)


def _unfold(text: bytes, room: int) -> bytes:
    unfolder = zlib.decompressobj()
    try:
        # One more: a limit of 0 would be none.
        data = unfolder.decompress(text, room + 1)
    except zlib.error as error:
        raise ConfigError(f"counts: {error}") from None
    if not unfolder.eof or unfolder.unused_data or len(data) > room:
        raise ConfigError(f"counts: expected compressed text of up to {MAX_BYTES} bytes")
    return data


@lru_cache(16)
def _nothing(size: int) -> bytes:
    """The unary part of so many zeros."""
    return np.packbits(np.ones(size, np.uint8)).tobytes()


def _unary(parts: Sequence[bytes], sizes: Integers) -> Integers:
    """Unary numbers, so many of each part: the zeros before each one."""
    bits = np.unpackbits(np.frombuffer(b"".join(parts), np.uint8))
    # Counted before places are asked for, which take sixty-four times the room of a hostile text.
    if (found := np.count_nonzero(bits)) != sizes.sum():
        raise ConfigError(f"counts: expected {sizes.sum()} numbers, got {found}")
    stops = np.flatnonzero(bits)
    ends = np.cumsum([8 * len(part) for part in parts])
    if (stops.searchsorted(ends) != np.cumsum(sizes)).any():
        raise ConfigError(f"counts: expected {sizes.tolist()} numbers")
    values = stops.copy()
    values[1:] -= stops[:-1] + 1
    full = sizes > 0
    firsts = (np.cumsum(sizes) - sizes)[full]
    values[firsts] = stops[firsts] - np.concatenate([[0], ends[:-1]])[full]
    return values


def _with_low(values: Integers, bits: Integers, planes: Sequence[bytes], sizes: Integers) -> Integers:
    """Numbers with their low ``bits`` below them, which lie in planes, the lowest first."""
    own = np.repeat(bits, sizes)
    if (values >> (62 - own)).any():
        raise ConfigError("counts: a number beyond 62 bits")
    flat = np.unpackbits(np.frombuffer(b"".join(planes), np.uint8))
    widths = (sizes + 7) // 8 * 8
    lengths = bits * widths
    # Where in the planes each text begins, less where in the numbers it does.
    begins = np.cumsum(lengths) - lengths - (np.cumsum(sizes) - sizes)
    places = np.repeat(begins, sizes) + np.arange(len(values))
    steps, low = np.repeat(widths, sizes), np.zeros(len(values), np.int64)
    for bit in range(int(bits.max())):
        has = np.flatnonzero(own > bit)
        low[has] |= flat[places[has] + bit * steps[has]].astype(np.int64) << bit
    return np.asarray((values << own) | low)


def _encode(values: Integers) -> bytes:
    """Head, unary part, planes of low bits."""
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
    most = min(MAX_BITS, int(values.max()).bit_length())
    # In floating point: sums of the largest numbers do not fit 64 bits.
    costs = [(values >> bits).sum(dtype=np.float64) + bits * values.size for bits in range(most + 1)]
    return int(np.argmin(costs))


def _bytes_of(bits: int) -> int:
    return (bits + 7) // 8
