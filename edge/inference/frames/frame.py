"""Frame of a camera, and the one interface that every kind of camera has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""H×W×3, uint8, BGR (OpenCV's order), C-contiguous."""


@dataclass(slots=True)
class Frame:
    """One picture and when it was taken.

    ``image`` is H×W×3 uint8 BGR. A source uses its memory again once nobody holds the array or a view of it any
    more (:class:`edge.inference.frames.pool.Pool`). It is None when the source delivered something that is
    not a picture (a damaged file); ``name`` then says which, and the frame counts as captured and dropped.
    """

    image: Image | None
    captured_ns: int
    """Monotonic clock (``time.monotonic_ns``), as close to the exposure as the driver allows."""
    wall_ns: int
    """Wall clock (``time.time_ns``) of the same moment."""
    name: str = ""
    """File name, or empty for cameras."""
    truth: str | None = None
    """The right label, where the source knows it (a simulator, a folder per label)."""


class FrameSource(Protocol):
    """A camera, a file or a simulator.

    ``live`` says that frames come at their own pace, so a late reader loses some; a source that is not live
    (files) waits for its reader. Frames are read by one thread; ``close`` may be called from any thread, more
    than once, and makes a blocked ``read`` return soon.
    """

    live: bool

    def read(self) -> Frame | None:
        """The next frame, or None at the end. Raises SourceError when the camera is gone."""
        ...

    def close(self) -> None: ...


def missed_by(source: FrameSource) -> int:
    """Frames that a source lost by itself because it was read too late, where it counts them (``missed``).

    They were never captured.
    """
    return int(getattr(source, "missed", 0))
