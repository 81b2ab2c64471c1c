"""USB and other V4L2 cameras."""

from __future__ import annotations

import math
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Self, cast

import numpy as np

from edge.core import uri_options
from edge.errors import ConfigError, SourceError
from edge.inference.frames import v4l2
from edge.inference.frames.clock import SensorClock
from edge.inference.frames.frame import Frame, Image
from edge.inference.frames.opencv import cv2
from edge.inference.frames.pool import Pool

# Whole seconds, read by OpenCV at its first wait; its default of 10 would hold up an error for as long.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "3")
_SLICE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOptions:
    """Options of a camera; None leaves it to OpenCV (640×480) and the driver."""

    width: int | None = field(default=None, metadata={"min": 16, "max": 16384})
    height: int | None = field(default=None, metadata={"min": 16, "max": 16384})
    fps: int | None = field(default=None, metadata={"min": 1, "max": 1000})
    fourcc: str | None = None
    """Pixel format, such as MJPG or YUYV."""
    timeout: float = field(default=5.0, metadata={"min": 0.5, "max": 3600})
    """So many seconds without a frame are an error."""

    def __post_init__(self) -> None:
        if (self.width is None) != (self.height is None):
            raise ConfigError("width, height: expected both or neither")
        if self.fourcc is not None and len(self.fourcc) != 4:
            raise ConfigError(f"fourcc: expected four characters such as MJPG or YUYV, got {self.fourcc!r}")


class Camera:
    """A V4L2 camera, for example ``camera://0?width=1280&height=720&fps=30&fourcc=MJPG``.

    ``captured_ns`` is the driver's own time stamp, which USB cameras set when the first byte of a picture
    arrives. OpenCV hands on ``v4l2_buffer.timestamp`` as CAP_PROP_POS_MSEC (cap_v4l.cpp, getProperty:
    ``1000 * tv_sec + tv_usec / 1000``, with the microseconds in the fraction). Where a driver does not use the
    monotonic clock, the time of arrival counts.

    Raises SourceError when the camera is missing, busy or forbidden, does not do what was asked for, delivers
    nothing for ``timeout`` seconds, or is pulled out.
    """

    live = True

    def __init__(self, device: str, asked: CameraOptions) -> None:
        if (problem := v4l2.problem(device)) is not None:
            raise SourceError(f"{device} {problem}")
        self._device = device
        self._timeout_s = asked.timeout
        self._clock = SensorClock()
        self._pool = Pool()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._delivers = False
        self._is_jpeg = False
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        try:
            self._set_up(asked)
        except SourceError:
            self.close()
            raise

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        place, _, query = uri.partition("?")
        return cls(_device(place, uri), uri_options.parse(CameraOptions, query, uri))

    def read(self) -> Frame | None:
        deadline = time.monotonic() + self._timeout_s
        while not self._closed.is_set():
            with self._lock:
                if self._wait():
                    return self._take()
            if time.monotonic() >= deadline:
                raise SourceError(f"{self._device} gave no frame for {self._timeout_s:g} s; check its cable")
        return None

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._capture.release()

    def _set_up(self, asked: CameraOptions) -> None:
        if not self._capture.isOpened():
            raise SourceError(
                f"{self._device} has no pixel format that OpenCV knows; "
                "the ribbon-cable camera of a Raspberry Pi is opened with picamera://0"
            )
        # The format first: sizes and rates depend on it.
        if asked.fourcc is not None:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*asked.fourcc))
        if asked.width is not None and asked.height is not None:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, asked.width)
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, asked.height)
        if asked.fps is not None:
            self._capture.set(cv2.CAP_PROP_FPS, asked.fps)
        given = self._given()
        self._check(asked, given)
        # Where OpenCV itself decodes a damaged JPEG, pixels of the picture before stay in it, without an error.
        self._is_jpeg = given.fourcc in ("MJPG", "JPEG")
        self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if self._is_jpeg else 1)

    def _given(self) -> CameraOptions:
        get = self._capture.get
        fps = get(cv2.CAP_PROP_FPS)
        return CameraOptions(
            width=int(get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=round(fps) if math.isfinite(fps) else 0,
            fourcc=int(get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1"),
        )

    def _check(self, asked: CameraOptions, given: CameraOptions) -> None:
        """Drivers take the nearest thing they can do, without a word."""
        for name in ("fourcc", "width", "height", "fps"):
            wanted, got = getattr(asked, name), getattr(given, name)
            if wanted is not None and wanted != got:
                raise SourceError(
                    f"{self._device}: asked for {name}={wanted}, the camera gives {got}; "
                    f"see what it can do with: v4l2-ctl --list-formats-ext -d {self._device}"
                )

    def _wait(self) -> bool:
        """Whether a frame came within a slice of time, short enough for ``close`` not to wait long."""
        try:
            return not self._closed.is_set() and cv2.VideoCapture.waitAny([self._capture], int(_SLICE_S * 1e9))[0]
        except cv2.error:
            fault = "was lost" if self._delivers else "does not begin to deliver"
            raise SourceError(f"{self._device} {fault}; check its cable") from None

    def _take(self) -> Frame:
        """The frame that waits; without an image if the camera sent a damaged one."""
        self._delivers = True
        try:
            image = self._decoded() if self._is_jpeg else self._pool.fill(self._capture.read)
        except cv2.error:
            image = None
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        return Frame(image, *self._clock.moment(stamp_ns))

    def _decoded(self) -> Image | None:
        ok, jpeg = self._capture.read()
        return cast(Image | None, cv2.imdecode(np.asarray(jpeg), cv2.IMREAD_COLOR)) if ok else None


def _device(place: str, uri: str) -> str:
    name = place.removeprefix("camera://").rstrip("/")
    if name.isdecimal():
        return f"/dev/video{name}"
    if name.startswith("/"):
        return name
    raise ConfigError(f"{uri}: expected a number or a device, such as camera://0 or /dev/video0")
