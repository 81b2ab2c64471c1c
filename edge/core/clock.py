"""Wall time, and whether it deserves belief.

A record's place in time is its monotonic stamp; wall time is that plus an offset, and the offset is what jumps when
somebody sets the clock. The buffer keeps the last offset of every boot, so that a stamp from before a step (a board
without a battery wakes up in 1970) can be corrected when it is read.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path

STEP_NS = 1_000_000_000
"""A wall stamp further from the boot's offset than this was taken before a step; less is drift and slewing."""
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux
_TIME_ERROR = 5
TIMESYNC = Path("/run/systemd/timesync")
"""systemd-timesyncd's folder; the file ``synchronized`` in it appears once the clock is right."""


@dataclass(frozen=True, slots=True)
class ClockState:
    """``offset_ns``: wall minus monotonic clock. ``synchronized``: a time service says that the wall clock is right;
    None where the system cannot tell.
    """

    offset_ns: int
    synchronized: bool | None


def clock_state() -> ClockState:
    """Both clocks now."""
    return ClockState(time.time_ns() - time.monotonic_ns(), kernel_synchronized())


def kernel_synchronized(timesync: Path = TIMESYNC) -> bool | None:
    """Whether the kernel's clock is synchronized, from ``adjtimex(2)``: NTP daemons clear the kernel's
    "unsynchronized" when they have set the clock.

    A service that may not touch the clock may not ask the kernel either; then it is what systemd-timesyncd says.
    """
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        state = -1
    if state >= 0:
        return bool(state != _TIME_ERROR)
    return (timesync / "synchronized").exists() if timesync.is_dir() else None


def local_time(wall_ns: int) -> str:
    """Local date and time, to the second; ``unknown`` for what no calendar holds."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_ns / 1e9))
    except (OverflowError, ValueError, OSError):
        return "unknown"


def corrected(wall_ns: int, captured_ns: int, offset_ns: int | None) -> int:
    """``wall_ns``, or what it would have been if the clock had already been set as it was later in the same boot."""
    if offset_ns is None or abs(wall_ns - captured_ns - offset_ns) <= STEP_NS:
        return wall_ns
    return max(0, captured_ns + offset_ns)
