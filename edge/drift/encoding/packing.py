"""Sorted numbers in few bytes, without loss.

Every float32 is a whole multiple of some power of two. Sorted values that share one become a first whole number and
small differences, whose bytes are laid out by significance so that a general compressor finds them alike. Scores of
a quantized model take a tenth of a byte each, rounded measurements about one, any float32 at most what it had.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.errors import ConfigError

RAW = -1000
"""In place of an exponent: float32 as they are."""

_EXPONENTS = range(-149, 128)
"""Exponents of float32's smallest and largest powers of two."""


@dataclass(frozen=True, slots=True)
class PackedNumbers:
    exponent: int
    """Values are multiples of two to this power, or RAW."""
    first: int
    data: str
    """Base64: uint32 differences to the value before, all lowest bytes first; of RAW little-endian float32."""


def pack(values: Sequence[float]) -> PackedNumbers:
    """``values`` are sorted, finite and exactly float32."""
    numbers = np.asarray(values, np.float64)
    exponent = common_exponent(numbers)
    whole = np.ldexp(numbers, -exponent)
    steps = np.diff(whole)
    if abs(whole).max() > 2**53 or (steps.size and steps.max() >= 2**32):
        return PackedNumbers(RAW, 0, _text(numbers.astype("<f4").tobytes()))
    planes = steps.astype("<u4").view(np.uint8).reshape(-1, 4).T
    return PackedNumbers(exponent, int(whole[0]), _text(planes.tobytes()))


def unpack(packed: PackedNumbers) -> NDArray[np.float64]:
    """The values, sorted or not, finite or not: what comes from outside is for the caller to judge.

    Raises ValueError, ConfigError for what :func:`pack` never writes.
    """
    raw = base64.b64decode(packed.data, validate=True)
    if len(raw) % 4:
        raise ConfigError("expected whole 32-bit values")
    if packed.exponent == RAW:
        return np.frombuffer(raw, "<f4").astype(np.float64)
    if packed.exponent not in _EXPONENTS or abs(packed.first) > 2**53:
        raise ConfigError(f"exponent {packed.exponent} or first value {packed.first} out of range")
    planes = np.frombuffer(raw, np.uint8).reshape(4, -1)
    steps = np.ascontiguousarray(planes.T).view("<u4").reshape(-1).astype(np.int64)
    whole = np.concatenate([[packed.first], packed.first + np.cumsum(steps)]).astype(np.float64)
    return np.ldexp(whole, packed.exponent)


def common_exponent(values: ArrayLike) -> int:
    """The largest power of two of which every float32 value is a multiple."""
    numbers = np.asarray(values, np.float64)
    mantissa, exponent = np.frexp(numbers[numbers != 0])
    if not mantissa.size:
        return 0
    whole = np.abs(np.ldexp(mantissa, 24)).astype(np.int64)
    zeros = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    return int(min(127, (exponent - 24 + zeros).min()))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
