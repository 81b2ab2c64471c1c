"""Video files, and animated GIFs, through FFmpeg."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

from edge.errors import SourceError
from edge.inference.frames.clock import now
from edge.inference.frames.frame import Frame, Image
from edge.inference.frames.opencv import cv2
from edge.inference.frames.pool import Pool

_MAX_DAMAGED = 300
"""So many packets in a row that cannot be decoded end the file (ten seconds at 30 per second)."""


class VideoFile:
    """The frames of a video file, one after another, as fast as they are read.

    A frame that FFmpeg reports as damaged comes without an image, so that it is counted; what its decoders
    conceal or pass over nobody can tell. A file that was cut short ends where it ends. Raises SourceError if
    it is not a video.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self._path = path
        _check_readable(path)
        # A name with a colon in it would be taken for a protocol, an absolute path is not.
        self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        self._lock = threading.Lock()
        self._pool = Pool()
        self._count = 0
        self._damaged = 0
        self._waiting = self._capture.isOpened() and self._grab()
        if not self._waiting:
            raise SourceError(f"{path}: not a video that can be decoded; expected mp4, avi, mkv, mov, webm or gif")

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        return cls(Path(uri).expanduser())

    @property
    def expected(self) -> int | None:
        """Number of frames by the file's own account, which may be an estimate; None without one."""
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        return count if count > 0 else None

    def read(self) -> Frame | None:
        with self._lock:
            if not self._waiting and not self._grab():
                return None
            self._count += 1
            return Frame(self._next(), *now(), name=f"{self._path}#{self._count}")

    def close(self) -> None:
        with self._lock:
            self._waiting = False
            self._capture.release()

    def _next(self) -> Image | None:
        if self._damaged:
            self._damaged -= 1
            return None
        self._waiting = False
        return self._pool.fill(self._capture.retrieve)

    def _grab(self) -> bool:
        """Whether a frame is waiting, after ``_damaged`` others that could not be decoded.

        OpenCV says False for a packet that cannot be decoded as for the end; only trying again tells.
        """
        for damaged in range(_MAX_DAMAGED):
            if self._capture.grab():
                self._damaged, self._waiting = damaged, True
                return True
        return False


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
