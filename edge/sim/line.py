"""The simulated cookie line: a frame source that also knows the truth."""

from __future__ import annotations

import math
import threading
import time
from functools import cached_property

from edge.inference.frames.frame import Frame, Image
from edge.sim.belt import PITCH_MM, Belt
from edge.sim.options import LABELS, LineOptions, Schedule, parse
from edge.sim.scene import Scene
from edge.sim.streams import Use, stream

BUFFERS = 4
"""Frames that the simulated driver keeps for a late reader."""


class SimulatedLine:
    """Round cookies with chocolate chips on a moving belt; a :class:`~edge.inference.frames.frame.FrameSource`.

    Everything follows from the options: the same seed gives the same pixels (with the same versions of NumPy and
    OpenCV), whichever frames were drawn before. The options are those of :class:`~edge.sim.options.LineOptions`.

    With ``pace=real`` frame ``i`` is exposed ``i / fps`` seconds after the first ``read``. A late reader gets the
    last four frames at once, in order, each with the moment it was exposed; older ones are lost, as in a camera's
    driver, and counted in ``missed``. They were never captured, so a pipeline's counters know nothing of them.

    >>> line = SimulatedLine.from_uri("sim://line?seed=7&count=2&pace=fast")
    >>> line.truth(0), line.image(0).shape
    ('whole', (240, 320, 3))
    """

    def __init__(self, options: LineOptions | None = None) -> None:
        self.options = options = options or LineOptions()
        self.live = options.pace == "real"
        self.missed = 0
        """Frames lost because the reader came too late."""
        free = options.trigger == "free"
        self.belt = Belt(options.seed, options.speed if free else PITCH_MM * options.fps)
        self._schedule = Schedule(options)
        self._next = 0
        self._start_ns = 0
        self._closed = threading.Event()

    @classmethod
    def from_uri(cls, uri: str) -> SimulatedLine:
        """A line from ``sim://line?key=value&...``. Raises ConfigError."""
        return cls(parse(uri))

    @property
    def expected(self) -> int | None:
        """Frames until the end; None when it never ends."""
        return self.options.count or None

    def truth(self, part: int) -> str:
        """The right label of a part, one of LABELS; drawn from the seed and the options, without a picture."""
        now = self._schedule(part)
        share, kind = stream(self.options.seed, Use.TRUTH, part).random(2)
        return now.kinds[int(kind * len(now.kinds))] if share < now.defects else "whole"

    def image(self, frame: int, label: str | None = None) -> Image:
        """height×width×3 uint8 BGR: frame ``frame``; its part is drawn as ``label`` instead of its truth if given.

        Raises ValueError for a label that is not in LABELS.
        """
        if label not in (None, *LABELS):
            raise ValueError(f"label: expected one of {', '.join(LABELS)}, got {label!r}")
        travel, part = self._under_camera(frame)

        def label_of(other: int) -> str:
            return label if label and other == part else self.truth(other)

        return self._scene.render(self.belt, frame, travel, label_of, self._schedule(part))

    def read(self) -> Frame | None:
        """The next frame, None after ``count`` frames or ``close``. One thread reads."""
        if not self._start_ns:
            self.image(0)  # so that the clock does not run while the textures are made
            self._start_ns = time.monotonic_ns()
        if self.live:
            self._lose_what_is_too_old()
        if self._closed.is_set() or 0 < self.options.count <= self._next:
            return None
        frame, self._next = self._next, self._next + 1
        image = self.image(frame)  # before the wait: the picture is there when it is due, not a drawing later
        if self.live and not self._wait_for(frame):
            return None
        now_ns = time.monotonic_ns()
        captured_ns = self._due_ns(frame) if self.live else now_ns
        wall_ns = time.time_ns() - (now_ns - captured_ns)
        return Frame(image, captured_ns, wall_ns, truth=self._truth_in(frame))

    def close(self) -> None:
        """Ends the line; a waiting ``read`` returns None at once. From any thread, any number of times."""
        self._closed.set()

    @cached_property
    def _scene(self) -> Scene:
        return Scene(self.options.seed, self.options.width, self.options.height)

    def _under_camera(self, frame: int) -> tuple[float, int]:
        """Distance that the belt has travelled (mm) at a frame, and the part nearest to the picture's centre."""
        travel = self.belt.travelled(frame / self.options.fps)
        return travel, self.belt.nearest(travel)

    def _truth_in(self, frame: int) -> str | None:
        """The label of the part in the middle; None where there is only belt."""
        travel, part = self._under_camera(frame)
        away = abs(self.belt.place(part)[0] - travel)
        return self.truth(part) if away < self._scene.half_view_mm() else None

    def _wait_for(self, frame: int) -> bool:
        """False when the line was closed meanwhile."""
        seconds = (self._due_ns(frame) - time.monotonic_ns()) / 1e9
        return not self._closed.wait(max(0.0, seconds))

    def _due_ns(self, frame: int) -> int:
        return self._start_ns + round(frame / self.options.fps * 1e9)

    def _lose_what_is_too_old(self) -> None:
        """Passes over frames that the driver's buffers could not hold until now."""
        due = math.floor((time.monotonic_ns() - self._start_ns) / 1e9 * self.options.fps) + 1
        kept_from = min(due, self.options.count or due) - BUFFERS
        if kept_from > self._next:
            self.missed += kept_from - self._next
            self._next = kept_from
