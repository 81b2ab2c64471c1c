"""Latencies in whole microseconds, in log-linear buckets as of HdrHistogram (hdrhistogram.org).

Below 64 µs each value has a bucket of its own; above, each octave has 32 of equal width, so a bucket is at most
1/32 (3.1 %) of its values wide. Bucket ``i`` holds the values from ``lower_edge(i)`` to ``lower_edge(i + 1) - 1``::

    i <= 63:  lower_edge(i) = i
    i >= 64:  lower_edge(i) = (32 + i % 32) * 2 ** (i // 32 - 1)
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PER_OCTAVE = 32
BUCKETS = 26 * PER_OCTAVE
"""Up to 2**30 µs, about 18 minutes; longer latencies are counted in the last bucket."""

BinCounts = NDArray[np.uint64]
"""(BUCKETS,)"""


class LatencyHistogram:
    """Since the boot. One thread adds, without a lock and in fixed memory; others may take a :meth:`copy`."""

    __slots__ = ("_counts", "max_us", "sum_us")

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * BUCKETS))
        self.max_us = 0
        self.sum_us = 0

    def add(self, latency_us: int) -> None:
        """Less than nothing counts as nothing."""
        shift = latency_us.bit_length() - 6
        index = (shift << 5) + (latency_us >> shift) if shift > 0 else latency_us
        if latency_us < 0:
            index = latency_us = 0
        try:
            self._counts[index] += 1
        except IndexError:
            self._counts[-1] += 1
        self.sum_us += latency_us
        if latency_us > self.max_us:
            self.max_us = latency_us

    def copy(self) -> Distribution:
        """Copy of the histogram as of now. The sum and the maximum may be those of one more latency than the
        counts."""
        # Slicing copies in one step of the interpreter: the thread that adds cannot come between.
        counts = np.frombuffer(self._counts[:], np.uint64)
        return Distribution(counts, self.sum_us, self.max_us)


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Counts of latencies that no longer change. Add those of several cameras or devices; subtract an earlier copy
    to get what came between.
    """

    counts: BinCounts
    sum_us: int
    max_us: int

    @classmethod
    def empty(cls) -> Distribution:
        return cls(np.zeros(BUCKETS, np.uint64), 0, 0)

    @classmethod
    def from_sparse(cls, buckets: Iterable[int], sum_us: int, max_us: int) -> Distribution:
        """The inverse of :meth:`sparse`, for buckets that anybody may have sent. Raises ValueError."""
        pairs = np.array(list(buckets), np.int64)
        index, count = pairs[0::2], pairs[1::2]
        if len(index) != len(count):
            raise ValueError("expected pairs of a bucket and its count")
        if len(index) and (index[0] < 0 or index[-1] >= BUCKETS or (np.diff(index) <= 0).any() or count.min() < 0):
            raise ValueError(f"expected ascending buckets from 0 to {BUCKETS - 1} and counts from 0 on")
        counts = np.zeros(BUCKETS, np.uint64)
        counts[index] = count.astype(np.uint64)
        return cls(counts, sum_us, max_us)

    def sparse(self) -> tuple[int, ...]:
        """Bucket, count, bucket, count, … of those that are not empty, ascending."""
        index = np.flatnonzero(self.counts)
        return tuple(np.column_stack((index, self.counts[index].astype(np.int64))).ravel().tolist())

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    def quantile(self, share: float) -> int:
        """Upper edge, in µs, of the bucket with the quantile: right, or at most 3.1 % too high. 0 when empty."""
        reached = self.counts.cumsum()
        if not reached[-1]:
            return 0
        index = int(np.searchsorted(reached, max(share * float(reached[-1]), 1.0)))
        return min(lower_edge(index + 1) - 1, self.max_us) if index < BUCKETS - 1 else self.max_us

    def below(self, limit_us: int) -> int:
        """Number of latencies shorter than ``limit_us``, which is the lower edge of a bucket."""
        return int(self.counts[: bucket_of(limit_us)].sum())

    def __add__(self, other: Distribution) -> Distribution:
        return Distribution(self.counts + other.counts, self.sum_us + other.sum_us, max(self.max_us, other.max_us))

    def __sub__(self, before: Distribution) -> Distribution:
        """``before`` is an earlier copy of the same histogram. The maximum is only as exact as its bucket."""
        counts = self.counts - before.counts
        filled = np.flatnonzero(counts)
        top = int(filled[-1]) if len(filled) else -1
        max_us = self.max_us if top == BUCKETS - 1 else min(self.max_us, max(0, lower_edge(top + 1) - 1))
        return Distribution(counts, self.sum_us - before.sum_us, max_us)


def bucket_of(latency_us: int) -> int:
    """The bucket that a latency is counted in."""
    shift = max(0, latency_us.bit_length() - 6)
    return min((shift << 5) + (latency_us >> shift), BUCKETS - 1)


def lower_edge(index: int) -> int:
    """The shortest latency, in µs, of a bucket."""
    if index < 2 * PER_OCTAVE:
        return index
    octave, step = divmod(index, PER_OCTAVE)
    return (PER_OCTAVE + step) << (octave - 1)
