"""How soon a camera is back: from the moment at which it is there again to its first frame."""

from __future__ import annotations

import importlib.util
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

import cv2
import numpy as np

from edge.inference.frames.camera_monitor import CameraMonitor
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.sim import SimulatedLine
from tests.bench.setting import Setting
from tests.bench.timing import Row, interleaved
from tests.support.unplugged_cameras import HERE, DyingCamera, Plug, Usb, compile_driver, fake_cameras
from tests.system.test_rtsp import NetworkCamera

LOSSES = 5
AWAY_S = 1.5
"""Long enough for the pauses between tries to have grown to their longest."""


class Rtsp:
    """The RTSP server of the system tests as a :class:`~tests.support.unplugged_cameras.Plug`."""

    def __init__(self) -> None:
        self._camera = NetworkCamera()
        self.uri, self.environment = f"{self._camera.uri}#timeout=2", dict[str, str]()
        self.pull, self.put_back = self._camera.unplug, self._camera.plug_in

    def close(self) -> None:
        self._camera.unplug()
        self._camera.relay.close()


def rows(setting: Setting) -> Iterator[Row]:
    """The setting's folder is for the driver and its files."""
    folder = setting.folder
    network = DyingCamera()
    yield _row("a network camera (Motion JPEG) is back", network)
    network.close()
    if importlib.util.find_spec("rtsp") is not None:
        rtsp = Rtsp()
        yield _row(f"an RTSP camera (H.264, a key frame a second) is back, OpenCV {cv2.__version__}", rtsp)
        rtsp.close()
    yield care_time()
    driver = compile_driver(folder)
    if driver is not None:
        cameras = folder / "cameras"
        cameras.mkdir()
        yield _row("a V4L2 camera is back", Usb(cameras, fake_cameras(driver, cameras, folder)))


def care_time() -> Row:
    """Camera care on the simulated line at 30 pictures a second, against one resize of the frame to 224×224."""
    line = SimulatedLine.from_uri("sim://line?seed=3")
    images = [line.image(part) for part in range(30)]
    small = [np.asarray(cv2.resize(image, (224, 224)), np.uint8) for image in images]
    care, numbers = CameraMonitor(CameraMonitorOptions()), itertools.count()
    ours, other = interleaved(
        # Three frames, of which one is looked at.
        lambda: [care.see(small[i % 30], i * 33_333_333) for i in itertools.islice(numbers, 3)],
        lambda: [cv2.resize(image, (224, 224)) for image in images[:3]],
        300,
    )
    name = "camera care, a frame of 30 a second, against a resize to 224×224"
    return Row(name, ours / 3 * 1e6, other / 3 * 1e6, "µs", "≤ 100 µs", ours / 3 <= 1e-4)


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
