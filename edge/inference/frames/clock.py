"""When a frame was taken, on both clocks."""

from __future__ import annotations

import time
from collections import deque

_BELIEVABLE_NS = 10_000_000_000
_SECONDS = 10
_LEARNT_FROM = 3
_JUMP_NS = 2_000_000_000
_BELIEVABLE_DRIFT_NS = 250_000_000


def now() -> tuple[int, int]:
    """``captured_ns`` and ``wall_ns`` of this moment."""
    return time.monotonic_ns(), time.time_ns()


class SensorClock:
    """Turns a driver's time stamps into ``captured_ns`` and ``wall_ns``.

    Drivers stamp frames with CLOCK_MONOTONIC as a rule, but some leave zero or use wall time, and nothing in
    OpenCV says which. The first frame of a stream tells: its stamp is believed, and so are those that follow,
    if it lies less than ten seconds in the past; else the time of arrival counts.
    """

    def __init__(self) -> None:
        self._believed: bool | None = None

    def moment(self, sensor_ns: int) -> tuple[int, int]:
        """``sensor_ns`` on both clocks, or the present moment if the driver's clock is another one."""
        monotonic, wall = now()
        age = monotonic - sensor_ns
        if self._believed is None:
            self._believed = 0 <= age < _BELIEVABLE_NS
        return (sensor_ns, wall - age) if self._believed and age >= 0 else (monotonic, wall)


class StreamClock:
    """Turns a stream's own time stamps (PTS), whose zero nobody knows, into ``captured_ns`` and ``wall_ns``.

    The frame with the least delay between stamp and arrival, over the last ten seconds, tells where zero lies: the
    minimum filter of NTP (RFC 5905, section 10). What a frame took longer than that one it waited on its way, and is
    taken off. The least delay itself (exposure, encoding, the fastest way here) stays unknown.

    The first three seconds tell whether stamps can be believed. Those that are made up (Motion JPEG over HTTP has
    none, and FFmpeg counts 25 a second) run at another pace than the clock; then the time of arrival counts. Times
    never go back.
    """

    def __init__(self) -> None:
        self._least: deque[int] = deque(maxlen=_SECONDS)
        """The least offset (arrival less stamp) of each second, the present one last, ns."""
        self._second_began = 0
        self._last = 0

    def moment(self, stamp_ns: int | None, monotonic: int, wall: int) -> tuple[int, int]:
        """``stamp_ns`` is the PTS, None where there is none; the others are the time of arrival on both clocks."""
        captured = monotonic if stamp_ns is None else self._captured(stamp_ns, monotonic)
        self._last = captured = min(max(captured, self._last), monotonic)
        return captured, wall - (monotonic - captured)

    def _captured(self, stamp: int, arrival: int) -> int:
        offset = arrival - stamp
        if not self._least or abs(offset - self._least[-1]) > _JUMP_NS:
            self._least.clear()  # the first frame, or the stream's clock was set
            self._begin_second(offset, arrival)
        elif arrival - self._second_began >= 1_000_000_000:
            self._begin_second(offset, arrival)
        else:
            self._least[-1] = min(self._least[-1], offset)
        # The second that has just begun has seen too little to be judged by.
        whole = list(self._least)[:-1]
        believed = len(whole) >= _LEARNT_FROM and max(whole) - min(whole) <= _BELIEVABLE_DRIFT_NS
        return stamp + min(self._least) if believed else arrival

    def _begin_second(self, offset: int, arrival: int) -> None:
        self._least.append(offset)
        self._second_began = arrival
