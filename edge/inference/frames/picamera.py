"""The ribbon-cable cameras of a Raspberry Pi, through picamera2."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from edge.core import uri_options
from edge.errors import ConfigError, MissingError, SourceError
from edge.inference.frames.clock import SensorClock
from edge.inference.frames.frame import Frame

_SLICE_S = 0.1
# libcamera names formats after a little-endian word, so "RGB888" lies in memory as B, G, R: what OpenCV calls BGR
# (Picamera2 manual, appendix A).
_BGR_IN_MEMORY = "RGB888"


@dataclass(frozen=True, slots=True, kw_only=True)
class PiCameraOptions:
    width: int = field(default=1280, metadata={"min": 64, "max": 16384})
    height: int = field(default=720, metadata={"min": 64, "max": 16384})
    fps: float = field(default=30.0, metadata={"min": 0.1, "max": 1000})
    timeout: float = field(default=5.0, metadata={"min": 0.5, "max": 3600})
    """So many seconds without a frame are an error."""


class PiCamera:
    """A CSI camera, for example ``picamera://0?width=1280&height=720&fps=50``.

    ``captured_ns`` is libcamera's SensorTimestamp: when the sensor began to read the frame out. Its
    documentation says CLOCK_BOOTTIME and the drivers use CLOCK_MONOTONIC; on a board that never suspends they
    are one.

    Raises MissingError without picamera2, and SourceError when there is no such camera, when it cannot do what
    was asked for, or when it delivers nothing for ``timeout`` seconds.
    """

    live = True

    def __init__(self, number: int, asked: PiCameraOptions) -> None:
        self._name = f"picamera://{number}"
        self._timeout_s = asked.timeout
        self._clock = SensorClock()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._job: Any = None
        self._camera = _open(number)
        try:
            self._start(asked)
        except (RuntimeError, OSError) as error:
            self._camera.close()
            raise SourceError(f"{self._name} cannot be started: {error}") from None

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        place, _, query = uri.partition("?")
        number = place.removeprefix("picamera://").rstrip("/")
        if not number.isdecimal():
            raise ConfigError(f"{uri}: expected the camera's number, such as picamera://0")
        return cls(int(number), uri_options.parse(PiCameraOptions, query, uri))

    def read(self) -> Frame | None:
        deadline = time.monotonic() + self._timeout_s
        while not self._closed.is_set():
            with self._lock:
                request = self._wait()
                if request is not None:
                    return self._take(request)
            if time.monotonic() >= deadline:
                raise SourceError(f"{self._name} gave no frame for {self._timeout_s:g} s; check its ribbon cable")
        return None

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        with self._lock:
            self._camera.stop()
            self._camera.close()

    def _start(self, asked: PiCameraOptions) -> None:
        main = {"size": (asked.width, asked.height), "format": _BGR_IN_MEMORY}
        controls = {"FrameRate": asked.fps}
        self._camera.configure(self._camera.create_video_configuration(main=main, controls=controls))
        given = self._camera.camera_configuration()["main"]
        for name, wanted in main.items():
            if given[name] != wanted:
                raise SourceError(f"asked for {name} {wanted}, the camera gives {given[name]}")
        self._camera.start()

    def _wait(self) -> Any:
        """A completed request, or None after a slice of time. An unfinished job is kept: it holds the next frame."""
        if self._closed.is_set():
            return None
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._job.get_result(timeout=_SLICE_S)
        except TimeoutError:
            return None
        self._job = None
        return request

    def _take(self, request: Any) -> Frame:
        try:
            image = np.ascontiguousarray(request.make_array("main"), dtype=np.uint8)
            return Frame(image, *self._clock.moment(request.get_metadata().get("SensorTimestamp", 0)))
        finally:
            request.release()


def _open(number: int) -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError:
        raise MissingError(
            f"picamera://{number} needs picamera2: apt install python3-picamera2, "
            "and make the virtual environment with --system-site-packages"
        ) from None
    try:
        return Picamera2(number)
    except (IndexError, RuntimeError, OSError) as error:
        raise SourceError(
            f"picamera://{number} cannot be opened ({error}); see the cameras with: rpicam-hello --list-cameras"
        ) from None
