"""When a frame was taken, on both clocks."""

from __future__ import annotations

import time

_BELIEVABLE_NS = 10_000_000_000


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
