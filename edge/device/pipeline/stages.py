"""Stages of the pipeline: what is to be judged in a frame, the frame itself or the parts in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from edge.inference.cascade import Cascade, ModelOutput
from edge.inference.frames.frame import Frame, Image
from edge.inference.parts import Box, Parts, crop
from edge.inference.tasks.classification import Decision


class StageResult(NamedTuple):
    """One part of the frame at hand, judged. ``looks`` are what drift is measured on."""

    part: int
    belt_px: int
    decision: Decision
    looks: list[ModelOutput]
    generation: int = 0
    """Generation of the cascade that judged it."""


class PipelineStage(Protocol):
    """One instance serves one camera's decision thread."""

    @property
    def lost(self) -> int:
        """Parts that went out of sight before they could be judged."""
        ...

    def view(self, cascade: Cascade) -> Image:
        """The last frame as a whole, small: h×w×3 uint8 BGR, overwritten by the next."""
        ...

    def judge(self, number: int, frame: Frame, cascade: Cascade) -> Iterator[StageResult]:
        """The parts that are decided with this frame, captured as ``number``, whose image is not None.

        Raises ArtifactError when a runtime refuses, SourceError for a picture that does not fit.
        """
        ...

    def skip(self, frame: Frame) -> None:
        """A frame that shows nothing: only its time counts."""
        ...

    def end(self, cascade: Cascade) -> Iterator[StageResult]:
        """The source has ended: what is still open."""
        ...


class WholeFrames:
    """Every frame is a part."""

    @property
    def lost(self) -> int:
        return 0

    def view(self, cascade: Cascade) -> Image:
        return cascade.models[0].preprocess.small

    def judge(self, number: int, frame: Frame, cascade: Cascade) -> Iterator[StageResult]:
        assert frame.image is not None
        decision, judge = cascade.judge(frame.image)
        yield StageResult(number, 0, decision, judge.looks, judge.generation)

    def skip(self, frame: Frame) -> None:
        """Nothing to do."""

    def end(self, cascade: Cascade) -> Iterator[StageResult]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Cut:
    """Crop of a part from its frame."""

    margin: float = 0.1
    """Around it, as a share of its longer side."""
    square: bool = False

    def out(self, image: Image, box: Box) -> Image:
        """The part in ``box``, H×W×3; a view where it lies within the picture."""
        return crop(image, box.squared() if self.square else box, self.margin)


class FollowedParts:
    """Each part once, where it is nearest to the centre line."""

    def __init__(self, parts: Parts, cut: Cut) -> None:
        self._parts, self._cut = parts, cut

    @property
    def lost(self) -> int:
        return self._parts.lost

    def view(self, cascade: Cascade) -> Image:
        return self._parts.view

    def judge(self, number: int, frame: Frame, cascade: Cascade) -> Iterator[StageResult]:
        assert frame.image is not None
        self._parts.step(frame)
        for due in self._parts.due:
            decision, judge = cascade.judge(self._cut.out(frame.image, due.box))
            yield StageResult(due.part, _whole(due.belt_px), decision, judge.looks, judge.generation)

    def skip(self, frame: Frame) -> None:
        self._parts.step(frame)

    def end(self, cascade: Cascade) -> Iterator[StageResult]:
        return iter(())


@dataclass(frozen=True, slots=True)
class _Voter:
    """Cascade that votes on a part, and what it saw first."""

    cascade: Cascade
    belt_px: int
    looks: list[ModelOutput]


class VotedParts(FollowedParts):
    """Each part by the mean of the scores of all frames that show it whole; where the model was swapped meanwhile, of
    those that the last one saw.
    """

    def __init__(self, parts: Parts, cut: Cut) -> None:
        super().__init__(parts, cut)
        self._voters: dict[int, _Voter] = {}

    def judge(self, number: int, frame: Frame, cascade: Cascade) -> Iterator[StageResult]:
        assert frame.image is not None
        self._parts.step(frame)
        for due in self._parts.due:
            _, judge = cascade.judge(self._cut.out(frame.image, due.box))
            voter = self._voters.get(due.part)
            if voter is None or voter.cascade is not judge:
                looks = [look._replace(picture=look.picture.copy()) for look in judge.looks]
                self._voters[due.part] = _Voter(judge, _whole(due.belt_px), looks)
                self._parts.forget_votes(due.part)
            self._parts.vote(due.part, judge.scores())
        yield from self._finished()

    def end(self, cascade: Cascade) -> Iterator[StageResult]:
        self._parts.end()
        yield from self._finished()

    def _finished(self) -> Iterator[StageResult]:
        for part in self._parts.finished:
            scores, voter = self._parts.finish(part), self._voters.pop(part, None)
            if scores is not None and voter is not None:
                cascade = voter.cascade
                yield StageResult(part, voter.belt_px, cascade.decide(scores), voter.looks, cascade.generation)


def _whole(belt_px: float) -> int:
    """Parts beyond the centre line at the start count as there."""
    return max(0, round(belt_px))
