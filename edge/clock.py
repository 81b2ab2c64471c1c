"""What the wall clock says, and whether it deserves belief.

A record's place in time is its monotonic stamp; wall time is that plus an offset, and the offset is what jumps when
somebody sets the clock. The buffer keeps the last offset of every boot, so that a stamp from before a step (a board
without a battery wakes up in 1970) can be corrected when it is read.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass

STEP_NS = 1_000_000_000
"""A wall stamp further from the boot's offset than this was taken before a step; less is drift and slewing."""
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux
_TIME_ERROR = 5


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


def kernel_synchronized() -> bool | None:
    """What ``adjtimex(2)`` answers: NTP daemons clear the kernel's "unsynchronized" when they have set the clock."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def corrected(wall_ns: int, captured_ns: int, offset_ns: int | None) -> int:
    """``wall_ns``, or what it would have been if the clock had already been set as it was later in the same boot."""
    if offset_ns is None or abs(wall_ns - captured_ns - offset_ns) <= STEP_NS:
        return wall_ns
    return max(0, captured_ns + offset_ns)
