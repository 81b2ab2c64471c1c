"""A model over many frames, each judged once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.errors import SourceError
from edge.inference.batch.inputs import Item, items
from edge.inference.batch.progress import BatchProgress
from edge.inference.batch.row import BatchRow, Written
from edge.inference.batch.sink import BatchSink
from edge.inference.frames import Image

if TYPE_CHECKING:
    from edge.inference.model import Model

NOT_A_PICTURE = "not a picture"


@dataclass(slots=True)
class BatchSummary:
    """Summary of a job. ``frames == judged + unreadable + before``."""

    frames: int = 0
    judged: int = 0
    unreadable: int = 0
    """Frames that are no pictures."""
    before: int = 0
    """Frames that were done before: in an earlier run, or because an address was given twice."""
    failed: int = 0
    """Addresses that could not be read, or not to their end."""
    seconds: float = 0.0


def written_by(model: Model) -> Written:
    """Heading of a file of this model's results."""
    digest = hashlib.sha256(model.artifact.model).hexdigest()[:12]
    return Written(f"{model.name}-{digest}", model.labels)


def run_job(
    model: Model,
    addresses: Iterable[str],
    sink: BatchSink,
    *,
    complain: Callable[[str], None],
    progress: BatchProgress | None = None,
    resume: bool = False,
) -> BatchSummary:
    """Judges all frames that ``sink`` does not have yet. One frame at a time is in memory.

    What cannot be read is told to ``complain``, one line each, and the rest is judged all the same. Raises StateError
    when the sink cannot take any more, ConfigError for a live source when ``resume`` is set.
    """
    summary, begun = BatchSummary(), time.monotonic()
    for address in addresses:
        try:
            for item in items(address, repeatable=resume):
                done = sink.is_done(item.path, item.frame)
                _pass_over(summary) if done else _do(model, item, sink, summary, complain)
                if progress is not None:
                    progress.step(skipped=done)
        except SourceError as error:
            complain(str(error))
            summary.failed += 1
    summary.seconds = time.monotonic() - begun
    return summary


def _pass_over(summary: BatchSummary) -> None:
    summary.frames += 1
    summary.before += 1


def _do(model: Model, item: Item, sink: BatchSink, summary: BatchSummary, complain: Callable[[str], None]) -> None:
    image = item.image()
    if image is None:
        complain(f"{item.name}: {NOT_A_PICTURE}; expected JPEG, PNG or another image file")
        row = BatchRow(item.path, item.frame, error=NOT_A_PICTURE, name=item.name)
        summary.unreadable += 1
    else:
        row = _judge(model, item, image)
        summary.judged += 1
    summary.frames += 1
    sink.put(row)


def _judge(model: Model, item: Item, image: Image) -> BatchRow:
    begun = time.perf_counter()
    decision = model.predict(image)
    latency_ms = (time.perf_counter() - begun) * 1000
    scores = decision.scores.tolist()
    if len(scores) == 1:
        scores = [1.0 - scores[0], scores[0]]
    return BatchRow(
        item.path,
        item.frame,
        decision.label,
        round(decision.score, 6),
        tuple(round(score, 6) for score in scores),
        name=item.name,
        latency_ms=latency_ms,
    )
