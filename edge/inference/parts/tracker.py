"""Follows parts from frame to frame by the belt's motion, and gives each its number."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.inference.parts.finder import Boxes
from edge.inference.parts.motion import Motion, Vector, displacements

PATIENCE = 8
"""A part that is not found in so many frames in a row is given up."""

_CONFIRMED = 2
_SMALL = 3.0  # working pixels: never match more strictly than this
_NEAR = 0.3  # of a part's smaller side
_SLACK = 0.2  # of the step: perspective, and belts that change speed
_LARGER = 1.5  # a box so many times larger than the part is several parts


@dataclass(slots=True)
class Track:
    """One part. Positions are pixels of the working picture."""

    box: NDArray[np.float32]
    """left, top, right, bottom, found or as the belt has carried it since."""
    part: int = -1
    """Its number from 0 in order of appearance; -1 until it moved as the belt does and was whole."""
    found: int = 1
    missed: int = 0
    """Frames in a row in which nothing was found where it should be."""
    hidden: bool = False
    """Seen only in one outline with another part."""
    first: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    """The box it was first found in."""
    was_whole: bool = False
    size: Vector = field(default_factory=lambda: np.zeros(2, np.float32))
    """Width and height, the last time it was whole."""

    @property
    def centre(self) -> Vector:
        return np.asarray((self.box[:2] + self.box[2:]) / 2, np.float32)


class Tracker:
    """One instance serves one thread. ``update`` once per frame; then ``tracks`` are the parts in view."""

    def __init__(self, width: int, height: int, motion: Motion) -> None:
        self.motion = motion
        self.tracks: list[Track] = []
        self.gone: list[Track] = []
        """Parts with a number that left, or were given up, in the last update."""
        self.travel = 0.0
        """Distance that the belt has moved since the start, working pixels."""
        self._width, self._height = width, height
        self._middle = np.array((width / 2, height / 2), np.float32)
        self._numbers = itertools.count()

    def update(self, found: Boxes, elapsed: float = 1.0) -> None:
        """``elapsed``: frames' worth of time since the last update, as far as known."""
        steps, step = self._measure(found, elapsed)
        matches = self._match(steps, step, found)
        free = self._learn_and_move(steps, step, matches, found, elapsed)
        self._explain(found, free)
        self._number()
        self._drop_those_gone()

    def offset(self, track: Track) -> float:
        """From the centre line, along the belt; negative before it, and 0 as long as no direction is known."""
        direction = self.motion.direction
        return 0.0 if direction is None else float((track.centre - self._middle) @ direction)

    def whole(self, box: NDArray[np.float32]) -> bool:
        """Whether the box keeps away from the picture's border."""
        return bool(box[0] >= 1 and box[1] >= 1 and box[2] <= self._width - 1 and box[3] <= self._height - 1)

    def leaving(self, box: NDArray[np.float32]) -> bool:
        """Whether the box touches the border that the belt runs to."""
        direction = self.motion.direction
        if direction is None:
            return False
        axis = int(np.abs(direction).argmax())
        if direction[axis] > 0:
            return bool(box[2 + axis] > (self._width, self._height)[axis] - 1)
        return bool(box[axis] < 1)

    def came_in(self, track: Track) -> bool:
        """False for a part that the far border cut already when it was first found."""
        return track.was_whole or not self.leaving(track.first)

    def _measure(self, found: Boxes, elapsed: float) -> tuple[NDArray[np.float32], Vector]:
        before = np.array([track.box for track in self.tracks], np.float32).reshape(-1, 4)
        steps = displacements(before, found, self._width, self._height)
        step = self.motion.measure(steps, self._tolerances(elapsed), self._ways_out(before), elapsed)
        return steps, step

    def _tolerances(self, elapsed: float) -> Vector:
        speed = float(np.hypot(*self.motion.velocity)) * elapsed
        sides = [max(min(track.size), max(track.box[2:] - track.box[:2]) * 0.5) for track in self.tracks]
        allowed: Vector = np.maximum(_SMALL, np.array(sides, np.float32) * _NEAR + np.float32(_SLACK * speed))
        return allowed

    def _ways_out(self, boxes: Boxes) -> Vector:
        """Distances that each box may still move before most of it is out of view."""
        direction = self.motion.direction
        if direction is None:
            return np.full(len(boxes), np.inf, np.float32)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        reach = np.abs(direction) @ self._middle
        return np.asarray(reach - (centres - self._middle) @ direction, np.float32)

    def _match(self, steps: NDArray[np.float32], step: Vector, found: Boxes) -> dict[int, int]:
        """Track → found box, the closest pairs first, each at most once."""
        if not steps.size:
            return {}
        away = np.linalg.norm(steps - step, axis=-1)
        limits = self._tolerances(0.0) + np.float32(_SLACK * np.hypot(*step))
        away[away > limits[:, None]] = np.inf
        for row, track in enumerate(self.tracks):
            if track.was_whole:
                sizes = found[:, 2:] - found[:, :2]
                away[row, (sizes > _LARGER * track.size + 2 * _SMALL).any(axis=1)] = np.inf
        matches: dict[int, int] = {}
        while np.isfinite(away.min()):
            row, column = divmod(int(away.argmin()), away.shape[1])
            matches[row] = column
            away[row, :] = away[:, column] = np.inf
        return matches

    def _learn_and_move(
        self, steps: NDArray[np.float32], step: Vector, matches: dict[int, int], found: Boxes, elapsed: float
    ) -> list[int]:
        """Carries all tracks along; returns the found boxes that belong to none."""
        if matches:
            uncut = [pair for pair in matches.items() if self._uncut(pair, found)]
            step = self.motion.learn(np.stack([steps[pair] for pair in uncut or matches.items()]), elapsed)
        direction = self.motion.direction
        self.travel += max(0.0, float(step @ direction)) if direction is not None else 0.0
        for row, track in enumerate(self.tracks):
            if row in matches:
                self._see(track, found[matches[row]])
            else:
                track.box = self._carried(track.box, step)
                track.missed += 1
                track.hidden = False
        return [column for column in range(len(found)) if column not in matches.values()]

    def _carried(self, box: NDArray[np.float32], step: Vector) -> NDArray[np.float32]:
        """Where an unseen part is now; one that the border cuts where parts come in shows more of itself."""
        moved = box + np.tile(step, 2)
        far = np.array((self._width, self._height), np.float32) - 1
        moved[:2] = np.where((box[:2] < 1) & (step > 0), box[:2], moved[:2])
        moved[2:] = np.where((box[2:] > far) & (step < 0), box[2:], moved[2:])
        return moved

    def _uncut(self, pair: tuple[int, int], found: Boxes) -> bool:
        """Whether the part was whole before and is so now: then its step is exact."""
        return self.whole(self.tracks[pair[0]].box) and self.whole(found[pair[1]])

    def _see(self, track: Track, box: NDArray[np.float32]) -> None:
        track.box, track.missed, track.hidden = box, 0, False
        track.found += 1
        if self.whole(box):
            track.was_whole, track.size = True, box[2:] - box[:2]

    def _explain(self, found: Boxes, free: list[int]) -> None:
        """Explains what the matching left: an outline around several parts, a piece of one, or a new part."""
        # Something seen once is no part yet: it must not hide a part that is there.
        known = [track for track in self.tracks if track.part >= 0 or not track.missed]
        for column in free:
            box = found[column]
            inside = [track for track in known if _contains(box, track.centre)]
            pieces = [track for track in known if _contains(track.box, (box[:2] + box[2:]) / 2)]
            for track in inside:
                if track.missed:
                    track.missed, track.hidden = 0, True
            if not inside and not pieces:
                self.tracks.append(self._new(box))

    def _new(self, box: NDArray[np.float32]) -> Track:
        track = Track(box, first=box, was_whole=self.whole(box))
        track.size = box[2:] - box[:2] if track.was_whole else track.size
        return track

    def _number(self) -> None:
        fresh = [track for track in self.tracks if track.part < 0 and self._is_part(track)]
        for track in sorted(fresh, key=self.offset, reverse=True):
            track.part = next(self._numbers)

    def _is_part(self, track: Track) -> bool:
        """Found twice, and whole, or as far in as it will be: two horns of one part may come in before the rest."""
        far_in = self.motion.direction is not None and (self.offset(track) >= 0 or self.leaving(track.box))
        return track.found >= _CONFIRMED and (track.was_whole or far_in)

    def _drop_those_gone(self) -> None:
        staying = [track for track in self.tracks if not self._is_gone(track)]
        self.gone = [track for track in self.tracks if track.part >= 0 and self._is_gone(track)]
        self.tracks = staying

    def _is_gone(self, track: Track) -> bool:
        left, top, right, bottom = track.box
        if right <= 0 or bottom <= 0 or left >= self._width or top >= self._height:
            return True
        if track.part < 0:
            return track.missed > 1
        return track.missed > PATIENCE or (track.missed > 0 and self.leaving(track.box))


def _contains(box: NDArray[np.float32], point: Vector) -> bool:
    return bool(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])
