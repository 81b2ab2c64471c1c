"""Machine, as far as speed and bit-exact results depend on it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edge.inference.interpreter.runtimes import usable_runtimes

_BOARD = Path("/proc/device-tree/model")
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """Two machines that are equal here run a model equally fast."""

    cpu: str
    cores: int
    """Cores that this process may use."""
    runtimes: dict[str, str]
    """Name → version of those that work here."""

    @classmethod
    def this(cls) -> Machine:
        return cls(cpu_name(), cores(), {runtime.name: runtime.version for runtime in usable_runtimes()})

    def __str__(self) -> str:
        runtimes = ", ".join(f"{name} {version}" for name, version in sorted(self.runtimes.items()))
        return f"{self.cpu}, {self.cores} core{'s' if self.cores > 1 else ''}, {runtimes or 'no runtime'}"


@lru_cache
def cpu_name() -> str:
    """The board where the kernel knows it (``Raspberry Pi 4 Model B Rev 1.4``), else the processor."""
    if _BOARD.exists():
        return _BOARD.read_text("utf-8", "replace").strip("\0\n ")
    for line in _CPUINFO.read_text("utf-8", "replace").splitlines() if _CPUINFO.exists() else ():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))
