"""Bytes that this process writes to its storage: what an SD card dies of."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

DAY_S = 86_400.0
_WINDOW_S = 3600.0
_STEP_S = 60.0


def written_bytes(io: Path = Path("/proc/self/io")) -> int | None:
    """Bytes that this process has caused to be written to storage since its start; None where nobody counts.

    Pages are counted when they are made dirty; what the file system adds of its own (its journal) is not in it.
    """
    try:
        fields = dict(line.split(": ") for line in io.read_text().splitlines())
        return int(fields["write_bytes"]) - int(fields["cancelled_write_bytes"])
    except (OSError, ValueError, KeyError):
        return None


class Wear:
    """The rate of writing over the last hour at most. Ask it now and then; it keeps one figure a minute."""

    def __init__(
        self, written: Callable[[], int | None] = written_bytes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._written, self._clock = written, clock
        self._samples: deque[tuple[float, int]] = deque()
        self.bytes_per_day()

    def bytes_per_day(self) -> float | None:
        """Extrapolated to a day; None where it cannot be known, or not yet: a start writes more than its share."""
        now, written = self._clock(), self._written()
        if written is None:
            return None
        if not self._samples or now - self._samples[-1][0] >= _STEP_S:
            self._samples.append((now, written))
        while len(self._samples) > 1 and now - self._samples[0][0] > _WINDOW_S:
            self._samples.popleft()
        began, before = self._samples[0]
        return None if now - began < _STEP_S else (written - before) / (now - began) * DAY_S
