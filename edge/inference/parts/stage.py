"""From frames to parts: who is in view, where, and who is to be judged now."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference.frames.frame import Frame, Image
from edge.inference.parts.calibration import Calibration
from edge.inference.parts.crop import Box
from edge.inference.parts.finder import Finder
from edge.inference.parts.motion import Motion, Vector
from edge.inference.parts.options import PartsOptions
from edge.inference.parts.tracker import Track, Tracker
from edge.inference.tasks.classification import Scores

_DIRECTIONS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}


@dataclass(frozen=True, slots=True)
class Sighting:
    """One part in one frame."""

    part: int
    """Its number, from 0 in order of appearance; each belongs to one part only."""
    box: Box
    belt_px: float
    """Where on the belt it lies: it is at the centre line when the belt has travelled so many pixels since the
    start. The same in every sighting but for the precision of the box."""
    offset_px: float
    """From the centre line along the belt, negative before it."""
    whole: bool
    """False while a border of the region cuts it, or another part touches it."""


@dataclass(frozen=True, slots=True)
class Due:
    """Judge this part in this frame."""

    part: int
    box: Box
    """Tight around the part; :func:`edge.inference.parts.crop` cuts it out, with a margin."""
    belt_px: float
    whole: bool
    """False only where the part was never seen whole in time, and this is the last chance."""


@dataclass(slots=True)
class _Ballot:
    scores: Scores | None = None
    votes: int = 0


class Parts:
    """The stage between a camera and a model. One instance serves one thread and one camera.

    Once per frame ``step``; then every part in ``due`` is judged on that frame's image. With ``judging="once"`` each
    part comes exactly once. With ``"vote"`` it may come often: hand each result to ``vote``, and when the part is
    listed in ``finished``, ``finish`` gives the one result. ``live`` says that the frames' time stamps are
    those of a camera and not of a file that is read as fast as possible; lost frames are then known from the time.

    >>> for due in parts.due: decide(due, model.predict(crop(frame.image, due.box, margin=0.1)))  # doctest: +SKIP
    """

    def __init__(self, calibration: Calibration, options: PartsOptions | None = None, live: bool = False) -> None:
        self.options = options = options or PartsOptions()
        self.due: list[Due] = []
        """Parts due in the last ``step``, in order of part numbers."""
        self.finished: list[int] = []
        """Parts whose vote ended with the last ``step`` (``judging="vote"`` only)."""
        self.lost = 0
        """Parts that had a number and vanished from the middle of the picture before they were judged."""
        self._finder = Finder(calibration, options)
        region = calibration.region
        self._origin = np.array((region.x, region.y, region.x, region.y), np.float32)
        self._scale: float = region.w / self._finder.width
        self._scales = np.tile((self._scale, region.h / self._finder.height), 2).astype(np.float32)
        self._tracker = Tracker(self._finder.width, self._finder.height, self._motion())
        self._judged: set[int] = set()
        self._ballots: dict[int, _Ballot] = {}
        self._live = live
        self._last_ns = 0
        self._intervals: deque[int] = deque(maxlen=15)

    @property
    def speed_px(self) -> float:
        """Speed of the belt, pixels of the full frame per frame."""
        return float(np.hypot(*self._tracker.motion.velocity)) * self._scale

    @property
    def travel_px(self) -> float:
        """Distance that the belt has moved since the start, pixels of the full frame."""
        return self._tracker.travel * self._scale

    @property
    def view(self) -> Image:
        """h×w×3 uint8 BGR: the region at working size, as it was in the last frame; overwritten by the next."""
        return self._finder.small

    def step(self, frame: Frame) -> list[Sighting]:
        """The parts in this frame. A frame without an image only lets time pass.

        Raises SourceError when the frame's size is not the calibration's.
        """
        self.due, self.finished = [], []
        elapsed = self._elapsed(frame.captured_ns)
        if frame.image is None:
            return []
        self._tracker.update(self._finder.find(frame.image), elapsed)
        self._judge_those_in_view()
        self._part_with_those_gone()
        numbered = (track for track in self._tracker.tracks if track.part >= 0 and not track.missed)
        return sorted((self._sighting(track) for track in numbered), key=lambda sighting: sighting.part)

    def vote(self, part: int, scores: Scores) -> None:
        """Adds the class scores, shape (classes,), of one sighting of a part that is due."""
        ballot = self._ballots[part]
        ballot.scores = scores.copy() if ballot.scores is None else ballot.scores + scores
        ballot.votes += 1

    def forget_votes(self, part: int) -> None:
        """Those that it has so far: they were another model's."""
        self._ballots[part] = _Ballot()

    def finish(self, part: int) -> Scores | None:
        """The mean of the part's votes, shape (classes,); None when nobody voted. Forgets the part."""
        ballot = self._ballots.pop(part)
        return None if ballot.scores is None else np.asarray(ballot.scores / np.float32(ballot.votes), np.float32)

    def end(self) -> None:
        """The source has ended: open votes are in ``finished``."""
        self.due, self.finished = [], sorted(self._ballots)

    def _motion(self) -> Motion:
        if self.options.direction == "auto":
            return Motion()
        direction: Vector = np.array(_DIRECTIONS[self.options.direction], np.float32)
        speed = self.options.speed / self._scale
        return Motion(direction * np.float32(speed) if speed else None, direction)

    def _elapsed(self, captured_ns: int) -> float:
        """Frames' worth of time since the last frame; 1 where the time says nothing."""
        interval, self._last_ns = captured_ns - self._last_ns, captured_ns
        if not self._live or interval <= 0 or interval == captured_ns:
            return 1.0
        self._intervals.append(interval)
        return min(30.0, interval / statistics.median_low(self._intervals))

    def _judge_those_in_view(self) -> None:
        step = self._tracker.motion.velocity
        for track in sorted(self._tracker.tracks, key=lambda track: track.part):
            if track.part < 0 or track.part in self._judged:
                continue
            if self.options.judging == "once":
                if self._at_centre(track, step) or self._last_chance(track, step):
                    self._judged.add(track.part)
                    self._call(track)
            else:
                self._collect(track, step)

    def _at_centre(self, track: Track, step: Vector) -> bool:
        """Whether it will not be nearer to the centre line than now. Needs the belt's direction."""
        if track.missed or not self._tracker.whole(track.box) or self._tracker.motion.direction is None:
            return False
        return self._tracker.offset(track) >= -float(np.hypot(*step)) / 2

    def _last_chance(self, track: Track, step: Vector) -> bool:
        """Whether it is cut by the border already, or will be in the next frame."""
        if track.missed > 1 or not self._tracker.came_in(track):
            return False
        return self._tracker.leaving(track.box) or self._tracker.leaving(track.box + np.tile(step, 2))

    def _collect(self, track: Track, step: Vector) -> None:
        whole = not track.missed and not track.hidden and self._tracker.whole(track.box)
        leaving = self._tracker.leaving(track.box)
        if whole or (track.part not in self._ballots and self._last_chance(track, step)):
            self._ballots.setdefault(track.part, _Ballot())
            self._call(track)
        if leaving and track.part in self._ballots:
            self._close(track.part)

    def _close(self, part: int) -> None:
        self._judged.add(part)
        self.finished.append(part)

    def _call(self, track: Track) -> None:
        sighting = self._sighting(track)
        self.due.append(Due(sighting.part, sighting.box, sighting.belt_px, sighting.whole))

    def _part_with_those_gone(self) -> None:
        for track in self._tracker.gone:
            if track.part in self._judged:
                self._judged.remove(track.part)
            elif track.part in self._ballots:
                self.finished.append(track.part)
            elif self._tracker.came_in(track):
                self.lost += 1

    def _sighting(self, track: Track) -> Sighting:
        offset = self._tracker.offset(track)
        box = self._full(track.box)
        whole = not track.hidden and self._tracker.whole(track.box)
        return Sighting(track.part, box, (self._tracker.travel - offset) * self._scale, offset * self._scale, whole)

    def _full(self, box: NDArray[np.float32]) -> Box:
        """In pixels of the full frame, clipped to it, at least one pixel."""
        limits = np.tile((self._finder.calibration.width, self._finder.calibration.height), 2)
        left, top, right, bottom = (
            np.clip(np.round(box * self._scales + self._origin), 0, limits).astype(int).tolist()
        )
        return Box(left, top, max(1, right - left), max(1, bottom - top))
