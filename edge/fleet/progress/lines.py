"""Progress of each device in words: a line at each stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

from edge.fleet.connector import DeployStep

LINE_S = 2.0
"""A transfer says how far it is so often."""


class Lines:
    """``edge: pi@line-1: sending 1.3 of 2.6 MB``; from any thread."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._last: dict[str, tuple[DeployStep, float]] = {}

    def tell(self, step: DeployStep) -> None:
        if step.stage == "looking" or (step.stage == "done" and not step.detail):
            return
        with self._lock:
            last, spoken = self._last.get(step.target, (None, 0.0))
            same = last is not None and (last.stage, last.detail) == (step.stage, step.detail)
            if same and self._clock() - spoken < LINE_S:
                return
            self._last[step.target] = step, self._clock()
            self._stream.write(f"edge: {step.target}: {said(step)}\n")
            self._stream.flush()


def said(step: DeployStep) -> str:
    """A step in words."""
    if step.stage == "done":
        return step.detail
    words = f"{step.stage} {step.done / 1e6:.1f} of {step.total / 1e6:.1f} MB" if step.total else step.stage
    return f"{words}, {step.detail}" if step.detail else words
