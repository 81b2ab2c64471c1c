"""One part and what was decided about it: what the gate is told and the recorder keeps."""

from __future__ import annotations

from dataclasses import dataclass

from edge.inference.tasks.classification import Decision


@dataclass(frozen=True, slots=True)
class Judgement:
    """``(camera, part)`` names the part within one run of the daemon."""

    camera: int
    """Index of the camera, in the order of the configuration."""
    part: int
    """From 0 in order of appearance; where every frame is a part, the number of the captured frame."""
    captured_ns: int
    """Monotonic clock (``time.monotonic_ns``) at the capture of the frame it was judged on."""
    wall_ns: int
    """Wall clock at the same moment."""
    belt_px: int
    """Distance that the belt had travelled when the part was at the centre line of the picture, in pixels; 0 where
    every frame is a part."""
    decision: Decision
