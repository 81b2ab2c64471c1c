"""What a device says of its own state."""

from __future__ import annotations

import resource
from pathlib import Path

_BUCKETS_PER_OCTAVE = 8
_OCTAVES = 27
"""Up to 2**29 µs, about nine minutes; longer latencies are counted in the last bucket."""

Counts = tuple[int, ...]


class LatencyHistogram:
    """Counts of latencies in microseconds; buckets are 1/8 octave wide, so a quantile is at most 12.5% too high.

    One thread adds, others may read.
    """

    def __init__(self) -> None:
        self._counts = [0] * (_BUCKETS_PER_OCTAVE * _OCTAVES)
        self.max_us = 0

    def add(self, latency_us: int) -> None:
        self._counts[_bucket(latency_us)] += 1
        if latency_us > self.max_us:
            self.max_us = latency_us

    def counts(self) -> Counts:
        """A copy, for :func:`quantile`; the difference of two is the time between them."""
        return tuple(self._counts)


def quantile(counts: Counts, share: float) -> int:
    """Upper edge, in µs, of the bucket that holds the quantile; ``share`` 1.0 gives the maximum. 0 when empty."""
    wanted = share * sum(counts)
    reached = 0
    for index, count in enumerate(counts):
        reached += count
        if count and reached >= wanted:
            return _upper_edge(index)
    return 0


def difference(now: Counts, before: Counts) -> Counts:
    """What was added between two copies."""
    return tuple(new - old for new, old in zip(now, before, strict=True))


def _bucket(latency_us: int) -> int:
    if latency_us < _BUCKETS_PER_OCTAVE:
        return max(0, latency_us)
    octave = latency_us.bit_length() - 4
    index = _BUCKETS_PER_OCTAVE * (octave + 1) + ((latency_us >> octave) & 7)
    return min(index, _BUCKETS_PER_OCTAVE * _OCTAVES - 1)


def _upper_edge(index: int) -> int:
    if index < _BUCKETS_PER_OCTAVE:
        return index
    octave, step = divmod(index, _BUCKETS_PER_OCTAVE)
    return ((9 + step) << (octave - 1)) - 1


def temperature_c(zone: Path = Path("/sys/class/thermal/thermal_zone0/temp")) -> float | None:
    """The processor's temperature, or None where the kernel does not tell."""
    try:
        return int(zone.read_text()) / 1000.0
    except (OSError, ValueError):
        return None


def resident_bytes() -> int:
    """Resident memory of this process now; the peak where /proc is missing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
