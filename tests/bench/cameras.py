"""How soon a camera is back: from the moment at which it is there again to its first frame."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.bench.timing import Row
from tests.edge.frames.plugs import HERE, DyingCamera, Plug, Usb, compile_driver, fake_cameras

LOSSES = 5
AWAY_S = 1.5
"""Long enough for the pauses between tries to have grown to their longest."""


def rows(folder: Path) -> Iterator[Row]:
    """``folder`` is for the driver and its files."""
    network = DyingCamera()
    yield _row("a network camera (Motion JPEG) is back", network)
    network.close()
    driver = compile_driver(folder)
    if driver is not None:
        cameras = folder / "cameras"
        cameras.mkdir()
        yield _row("a V4L2 camera is back", Usb(cameras, fake_cameras(driver, cameras, folder)))


def _row(name: str, plug: Plug) -> Row:
    taken = statistics.median(times(plug))
    return Row(f"{name}, median of {LOSSES}", taken, None, "s", "≤ 1 s", taken <= 1.0)


def times(plug: Plug) -> list[float]:
    """Seconds from each return to the first frame."""
    program = [sys.executable, str(HERE / "count_frames.py"), plug.uri]
    environment = os.environ | plug.environment
    taken = []
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as reader:
        assert reader.stdout is not None
        for _ in range(LOSSES):
            _first_after(reader.stdout, 0)
            plug.pull()
            time.sleep(AWAY_S)
            plug.put_back()
            back_ns = time.monotonic_ns()
            taken.append((_first_after(reader.stdout, back_ns) - back_ns) / 1e9)
        reader.kill()
    return taken


def _first_after(lines: IO[str], moment_ns: int) -> int:
    """When the first frame after a moment was read, ns."""
    return next(read_ns for read_ns in map(int, lines) if read_ns > moment_ns)
