"""What a device says of its own state."""

from __future__ import annotations

import resource
from pathlib import Path

_BUCKETS_PER_OCTAVE = 8
_OCTAVES = 27
"""Up to 2**27 µs, about two minutes; longer latencies are counted in the last bucket."""


class LatencyHistogram:
    """Counts of latencies in microseconds; buckets are 1/8 octave wide, so a quantile is at most 12.5% too high.

    One thread adds, others may read.
    """

    def __init__(self) -> None:
        self._counts = [0] * (_BUCKETS_PER_OCTAVE * _OCTAVES)
        self.count = 0
        self.max_us = 0

    def add(self, latency_us: int) -> None:
        self._counts[_bucket(latency_us)] += 1
        self.count += 1
        if latency_us > self.max_us:
            self.max_us = latency_us

    def quantile(self, share: float) -> int:
        """Upper edge of the bucket that holds the quantile, µs, at most the maximum; 0 when nothing was added."""
        counts = self._counts.copy()
        wanted = share * sum(counts)
        reached = 0
        for index, count in enumerate(counts):
            reached += count
            if count and reached >= wanted:
                return min(_upper_edge(index), self.max_us)
        return 0


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
