"""Pictures that are judged, for somebody who looks on."""

from __future__ import annotations

import time

from edge.inference.frames.frame import Image

_POLL_S = 0.005


class FrameTap:
    """Decision threads put, one other thread takes. Nothing is copied: a source leaves a picture alone that somebody
    holds (:class:`edge.inference.frames.pool.Pool`). Those that nobody waits for pass by.
    """

    def __init__(self) -> None:
        self._wanted = False
        self._picture: Image | None = None

    def put(self, picture: Image) -> None:
        """Returns at once."""
        if self._wanted:
            self._wanted = False
            self._picture = picture

    def take(self, within_s: float) -> Image | None:
        """The next picture, H×W×3 uint8 BGR; None when none comes in time."""
        self._picture, self._wanted = None, True
        until = time.monotonic() + within_s
        while self._picture is None and time.monotonic() < until:
            time.sleep(_POLL_S)
        self._wanted = False
        picture, self._picture = self._picture, None
        return picture
