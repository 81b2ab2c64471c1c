"""A camera that comes back after its cable was pulled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from edge.errors import SourceError
from edge.frames.frame import Frame, FrameSource

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


class Reopening:
    """Opens a source again whenever it is lost, until it is closed.

    ``opening`` opens the source, for example ``lambda: open_source("camera://0")``. Its first failure is
    raised here; later ones are waited out, with pauses that double up to a second and start over with the
    next frame. ``losses`` counts how often the source went away, ``last_loss`` says why. The end of a file
    is no loss. ``close`` ends a wait at once, also one for a camera that is slow to open.
    """

    def __init__(self, opening: Callable[[], FrameSource]) -> None:
        self.losses = 0
        self.last_loss: SourceError | None = None
        self._opening = opening
        self._pause_s = _FIRST_PAUSE_S
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._source = opening()
        self.live = self._source.live

    def read(self) -> Frame | None:
        while not self._closed.is_set():
            try:
                frame = self._source.read()
            except SourceError as error:
                self._lose(error)
            else:
                self._pause_s = _FIRST_PAUSE_S
                return frame
        return None

    def close(self) -> None:
        with self._lock:
            self._closed.set()
            source = self._source
        source.close()

    def _lose(self, error: SourceError) -> None:
        self.losses += 1
        self.last_loss = error
        self._source.close()
        while not self._closed.wait(self._pause_s) and not self._reopen():
            pass

    def _reopen(self) -> bool:
        """Whether the source could be opened. It opens in a thread of its own, so that ``close`` need not wait."""
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        opened: Future[FrameSource] = Future()
        threading.Thread(target=_fulfil, args=(opened, self._opening), name="reopening", daemon=True).start()
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
