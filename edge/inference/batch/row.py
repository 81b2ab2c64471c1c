"""One line of a job's result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchRow:
    """The judgement on one frame. ``(path, frame)`` is its identity."""

    path: str
    """The picture's file, or the video's or source's address, as it was given."""
    frame: int
    """0 for a picture, from 1 on in a video, from 0 on in other sources."""
    label: str = ""
    """Empty where there was no picture to judge."""
    score: float | None = None
    """Score of the label, 0 to 1, six digits."""
    scores: tuple[float, ...] = ()
    """By label, in the model's order."""
    error: str = ""
    name: str = ""
    """For people: the path, with ``#frame`` where there are several."""
    latency_ms: float = 0.0
    """Not written to files: two runs over the same pictures give the same file."""


@dataclass(frozen=True, slots=True)
class Written:
    """Subject of a file of results; those of different models are not mixed."""

    model: str
    """Model id and the first twelve digits of its SHA-256."""
    labels: tuple[str, ...]


def columns(written: Written) -> list[str]:
    """The names of the columns where each score has one of its own."""
    return ["path", "frame", "label", "score", *(f"score:{label}" for label in written.labels), "error", "model"]
