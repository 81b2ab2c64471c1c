"""Figures of the operating system about this process and its board."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

_SYS = Path("/sys")
_THROTTLED = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
"""Bits 0 to 3 of the Raspberry Pi firmware's ``get_throttled``: what holds now. Bits 16 to 19 tell the same of the
time since the board's start."""


def temperature_c(zone: Path = _SYS / "class/thermal/thermal_zone0/temp") -> float | None:
    """The processor's temperature, or None where the kernel does not tell."""
    try:
        return int(zone.read_text()) / 1000.0
    except (OSError, ValueError):
        return None


def throttled(root: Path = _SYS) -> tuple[str, ...] | None:
    """Reasons that slow a Raspberry Pi down now, e.g. ``("under-voltage",)``; None where the kernel does not tell.

    Raspberry Pi's own kernels show the firmware's flags; others show only the alarm of the ``rpi_volt`` sensor.
    """
    flags, alarm = _throttling_files(root)
    try:
        if flags is not None:
            bits = int(flags.read_text(), 16)
            return tuple(name for bit, name in enumerate(_THROTTLED) if bits >> bit & 1)
        if alarm is not None:
            return (_THROTTLED[0],) if int(alarm.read_text()) else ()
    except (OSError, ValueError):
        pass
    return None


@lru_cache
def _throttling_files(root: Path) -> tuple[Path | None, Path | None]:
    """Looked for once: hundreds of entries are too many for every second."""
    flags = next(root.glob("devices/platform/soc*/*firmware/get_throttled"), None)
    sensors = (path.parent for path in root.glob("class/hwmon/hwmon*/name") if path.read_text().strip() == "rpi_volt")
    sensor = next(sensors, None)
    return flags, sensor / "in0_lcrit_alarm" if sensor is not None else None


def free_bytes(folder: Path) -> int | None:
    """Bytes that this user may still write there; None when the file system does not answer."""
    try:
        state = os.statvfs(folder)
    except OSError:
        return None
    return state.f_bavail * state.f_frsize
