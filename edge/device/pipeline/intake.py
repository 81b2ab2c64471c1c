"""From the decision loops to the recorder: never a wait, bounded, every loss counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.inference.cascade import ModelOutput
from edge.inference.frames.frame import Image
from edge.inference.judgement import Judgement

MAX_RECORDS = 100_000
MAX_PICTURES = 64
"""Judged parts that wait with their small pictures; beyond it the record alone is kept."""

MAX_THUMBNAILS = 64


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """``looks`` is empty where there was no room for pictures."""

    judgement: Judgement
    latency_us: int
    looks: tuple[ModelOutput, ...]
    generation: int = 0
    """Generation of the cascade that judged, see :class:`edge.inference.cascade.Cascade`."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A camera's whole picture, small: h×w×3 uint8 BGR, a copy. ``captured_ns`` is on the monotonic clock."""

    camera: int
    captured_ns: int
    picture: Image


class Intake:
    """Several threads put, one takes; both ends of a deque are atomic. Pictures are copied into arrays that return
    with :meth:`release`.
    """

    def __init__(self) -> None:
        self._waiting: deque[JudgedPart] = deque()
        self._thumbnails: deque[Thumbnail] = deque(maxlen=MAX_THUMBNAILS)
        self._free: dict[tuple[int, ...], deque[Image]] = {}
        self.lost = 0
        """Records that found no room: the recorder has stood still for very long."""
        self.without_picture = 0
        """Records whose picture found no room, and which drift therefore did not see."""

    def put(self, judgement: Judgement, latency_us: int, looks: Sequence[ModelOutput], generation: int = 0) -> None:
        """The pictures of ``looks`` are copied."""
        waiting = len(self._waiting)
        if waiting >= MAX_RECORDS:
            self.lost += 1
            return
        crowded = waiting >= MAX_PICTURES
        self.without_picture += crowded
        kept = () if crowded else tuple([self._kept(look) for look in looks])
        self._waiting.append(JudgedPart(judgement, latency_us, kept, generation))

    def take(self) -> JudgedPart | None:
        """The oldest, or None. Give it back with :meth:`release` when its pictures are done with."""
        return self._waiting.popleft() if self._waiting else None

    def release(self, judged: JudgedPart) -> None:
        """Its pictures may be overwritten."""
        for look in judged.looks:
            self._free[look.picture.shape].append(look.picture)

    def thumbnail(self, thumbnail: Thumbnail) -> None:
        """For camera care, a few times a second; a recorder that is behind sees the newest."""
        self._thumbnails.append(thumbnail)

    def take_thumbnail(self) -> Thumbnail | None:
        """The oldest, or None."""
        return self._thumbnails.popleft() if self._thumbnails else None

    @property
    def crowded(self) -> bool:
        """A source that can wait should wait now."""
        return len(self._waiting) >= MAX_PICTURES

    def _kept(self, look: ModelOutput) -> ModelOutput:
        shape = look.picture.shape
        free = self._free.get(shape)
        if free is None:
            free = self._free.setdefault(shape, deque(maxlen=MAX_PICTURES))
        try:
            picture = free.pop()
        except IndexError:
            picture = np.empty(shape, np.uint8)
        np.copyto(picture, look.picture)
        return ModelOutput(look.model, look.decision, picture)
