"""A camera that comes back after its cable was pulled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from edge.core.guard import GuardedThread
from edge.errors import SourceError
from edge.inference.frames.events import CameraEvent
from edge.inference.frames.frame import Frame, FrameSource, missed_by
from edge.inference.frames.outages import Outage, Outages

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.25
"""A camera is back within a second of its return: this pause, and the time to open it."""


class Reopening:
    """Opens a source again whenever it is lost, until it is closed.

    ``opening`` opens the source, for example ``lambda: open_source("camera://0")``. Its first failure is
    raised here; later ones are waited out, with pauses that double up to a quarter of a second and start over with
    the next frame. The end of a file is no loss. ``close`` ends a wait at once, also one for a camera that is slow
    to open. ``name`` is what the log calls it.
    """

    def __init__(self, opening: Callable[[], FrameSource], name: str = "camera") -> None:
        self._losses = Outages(name)
        self._opening = opening
        self._pause_s = _FIRST_PAUSE_S
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._missed = 0
        self._source = opening()
        self.live = self._source.live

    @property
    def losses(self) -> int:
        """Number of times that a source that delivered went away."""
        return self._losses.count

    @property
    def last_loss(self) -> Outage | None:
        """The latest loss: why and when."""
        return self._losses.last

    @property
    def lost(self) -> bool:
        """Whether it is away at this moment."""
        return self._losses.away

    @property
    def missed(self) -> int:
        """Frames that the source itself lost, over all its openings; they were never captured."""
        with self._lock:
            return self._missed + missed_by(self._source)

    def take_events(self) -> list[CameraEvent]:
        """Losses and returns since the last call, oldest first. Any thread may call it; 256 are kept."""
        return self._losses.take()

    def read(self) -> Frame | None:
        while not self._closed.is_set():
            try:
                frame = self._source.read()
            except SourceError as error:
                self._lose(error)
            else:
                if frame is not None:
                    self._pause_s = _FIRST_PAUSE_S
                    self._losses.end()
                return frame
        return None

    def close(self) -> None:
        with self._lock:
            self._closed.set()
            source = self._source
        source.close()

    def _lose(self, error: SourceError) -> None:
        if not self._closed.is_set():
            self._losses.begin(str(error))
        self._source.close()
        while not self._closed.wait(self._pause_s) and not self._reopen():
            pass

    def _reopen(self) -> bool:
        """Whether the source could be opened. It opens in a thread of its own, so that ``close`` need not wait."""
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        opened: Future[FrameSource] = Future()
        GuardedThread(_fulfil, "reopening", args=(opened, self._opening), again=False).start()
        while not self._closed.is_set():
            try:
                self._adopt(opened.result(timeout=0.1))
            except TimeoutError:
                continue
            except SourceError:
                return False
            return True
        opened.add_done_callback(_discard)
        return False

    def _adopt(self, source: FrameSource) -> None:
        with self._lock:
            self._missed += missed_by(self._source)
            self._source = source
        if self._closed.is_set():
            source.close()


def _fulfil(opened: Future[FrameSource], opening: Callable[[], FrameSource]) -> None:
    try:
        opened.set_result(opening())
    except BaseException as error:
        opened.set_exception(error)


def _discard(opened: Future[FrameSource]) -> None:
    if opened.exception() is None:
        opened.result().close()
