"""Network cameras: RTSP, and MJPEG over HTTP."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from edge.core import uri_options
from edge.core.guard import GuardedThread, reason
from edge.errors import ConfigError, SourceError
from edge.inference.frames.clock import StreamClock, now
from edge.inference.frames.frame import Frame
from edge.inference.frames.opencv import cv2
from edge.inference.frames.pool import Pool

# Read by OpenCV whenever it opens something, except by the Linux wheel 4.11.0.86 (opencv#27091). Without the second
# and third, FFmpeg looks at 20 frames (0.8 s at 25 per second) only to measure their rate; what it must know, such as
# the size, it waits for all the same. The fourth drops the JPEG that a dying camera left half sent.
os.environ.setdefault(
    "OPENCV_FFMPEG_CAPTURE_OPTIONS",
    "rtsp_flags;prefer_tcp|fpsprobesize;0|analyzeduration;100000|fflags;discardcorrupt",
)
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
# FFmpeg looks at a stream for up to five seconds (analyzeduration); cut short, it would deliver nothing any more.
_ANALYSIS_S = 5.0
_KEPT = 4
"""Frames kept for a late reader: as many as a V4L2 driver keeps."""
_KNOCK_S = 0.5
_NO_STAMP_MS = -1e15
"""FFmpeg's AV_NOPTS_VALUE is the least 64-bit number; OpenCV scales it to milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Options that follow ``#`` in the URI; what follows ``?`` belongs to the camera."""

    timeout: float = field(default=5.0, metadata={"min": 0.1, "max": 3600})
    """So many seconds without a frame are an error. To open a stream may take five seconds more."""


class NetworkStream:
    """A network camera, for example ``rtsp://user:password@192.168.0.20/stream1?channel=1#timeout=3``.

    RTP comes over the RTSP connection (TCP), or over UDP where the camera refuses that. ``captured_ns`` is the time
    at which a frame would have arrived and been decoded had it come as fast as the fastest of the last ten seconds
    (:class:`~edge.inference.frames.clock.StreamClock`), or did arrive where the stream has no time stamps; what had
    queued up before the first frame is left out, as nobody knows its age. Whoever reads too slowly loses the oldest
    frames, counted in ``missed``. Raises SourceError when nothing answers, or when no frame comes for ``timeout``
    seconds. The end of the stream is an error too, for a camera has none.
    """

    live = True

    def __init__(self, uri: str, timeout: float = 5.0) -> None:
        self.missed = 0
        self._name = uri_options.without_password(uri)
        self._timeout_s = timeout
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._failure: str | None = None
        self._closed = False
        self._clock = StreamClock()
        self._pool = Pool()
        _knock(uri, self._name, timeout)
        begun = time.monotonic()
        self._capture = _open(uri, timeout)
        if not self._capture.isOpened():
            _knock(uri, self._name, timeout)
            raise SourceError(
                f"{self._name}: the server answers but gives no video there; "
                "check the path, the user and the password"
            )
        opening_s = time.monotonic() - begun
        self._thread = GuardedThread(self._pump, self._name, args=(opening_s,), again=False)
        self._thread.start()

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        address, _, fragment = uri.partition("#")
        asked = uri_options.parse(StreamOptions, fragment, uri_options.without_password(uri))
        return cls(_checked(address), asked.timeout)

    def read(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(self._is_settled, self._timeout_s)
            if self._closed:
                return None
            if self._frames:
                return self._frames.popleft()
            raise SourceError(f"{self._name}: {self._failure or self._silence()}")

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        # A thread inside FFmpeg at the interpreter's exit is better avoided, but not worth a long wait.
        self._thread.join(timeout=0.2)

    def _is_settled(self) -> bool:
        return bool(self._closed or self._frames or self._failure)

    def _silence(self) -> str:
        return f"no frame for {self._timeout_s:g} s; check the camera and the network"

    def _pump(self, opening_s: float) -> None:
        """Takes frames as they come. This thread alone touches the capture, whose calls cannot be interrupted."""
        failure = "the stream broke off"
        try:
            self._skip_backlog(opening_s)
            while not self._closed:
                begun = time.monotonic()
                if not self._capture.grab():
                    ended = time.monotonic() - begun < 0.9 * self._timeout_s
                    failure = "the stream ended; check the camera and the network" if ended else self._silence()
                    break
                moment = self._moment()
                self._deliver(Frame(self._pool.fill(self._capture.retrieve), *moment))
        except cv2.error:
            pass
        except Exception as error:
            failure = reason(error)
            raise
        finally:
            self._capture.release()
            with self._changed:
                self._failure = failure
                self._changed.notify_all()

    def _skip_backlog(self, opening_s: float) -> None:
        """Drops what queued up in FFmpeg while it looked at the stream: frames that come without any wait."""
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        interval_s = 1 / fps if 1 <= fps <= 240 else 0.04
        for _ in range(1 + int(opening_s / interval_s)):
            begun = time.monotonic()
            if not self._capture.grab() or time.monotonic() - begun > interval_s / 4:
                return

    def _moment(self) -> tuple[int, int]:
        stamp_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        stamp_ns = round(stamp_ms * 1e6) if _NO_STAMP_MS < stamp_ms != 0 else None
        return self._clock.moment(stamp_ns, *now())

    def _deliver(self, frame: Frame) -> None:
        with self._changed:
            if len(self._frames) == _KEPT:
                self._frames.popleft()
                self.missed += 1
            self._frames.append(frame)
            self._changed.notify_all()


def _open(uri: str, timeout_s: float) -> cv2.VideoCapture:
    settings = [
        (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * (timeout_s + _ANALYSIS_S))),
        (cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * timeout_s)),
        # Each further decoding thread holds back one more frame (40 ms at 25 per second; measured).
        (cv2.CAP_PROP_N_THREADS, 1),
    ]
    return cv2.VideoCapture(uri, cv2.CAP_FFMPEG, [number for setting in settings for number in setting])


def _checked(address: str) -> str:
    try:
        parts = urlsplit(address)
        if parts.hostname and parts.port != 0:
            return address
    except ValueError:
        pass
    raise ConfigError(
        f"{uri_options.without_password(address)}: expected SCHEME://HOST[:PORT]/PATH, such as rtsp://10.0.0.7/live"
    )


def _knock(uri: str, name: str, timeout_s: float) -> None:
    """Raises SourceError that says why nothing answers, which FFmpeg keeps to itself.

    It asks anew every half second: a camera that is switched on meanwhile would hear of a single attempt only when
    the kernel repeats it, after 1, 3 or 7 s (RFC 6298).
    """
    parts = urlsplit(uri)
    place = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
    until = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(place, min(_KNOCK_S, timeout_s)).close()
        except OSError as error:
            if isinstance(error, TimeoutError) and time.monotonic() < until:
                continue
            reason = error.strerror or str(error)
            raise SourceError(
                f"{name}: nothing answers at {place[0]}:{place[1]} ({reason}); "
                "check the address and that the camera is on"
            ) from None
        return
