"""How far each device is: a live display on a terminal that has rich, else a line at each stage."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from edge.flash.deliverer import Step, Tell

LINE_S = 2.0
"""A transfer says how far it is so often."""


@contextlib.contextmanager
def display(stream: TextIO, count: int) -> Iterator[Tell]:
    """For ``count`` targets, on ``stream``."""
    if stream.isatty():
        with contextlib.suppress(ImportError):
            from edge.flash.live import live

            with live(stream, count) as tell:
                yield tell
            return
    yield Lines(stream).tell


class Lines:
    """``edge: pi@line-1: sending 1.3 of 2.6 MB``; from any thread."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._last: dict[str, tuple[Step, float]] = {}

    def tell(self, step: Step) -> None:
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


def said(step: Step) -> str:
    """A step in words."""
    if step.stage == "done":
        return step.detail
    words = f"{step.stage} {step.done / 1e6:.1f} of {step.total / 1e6:.1f} MB" if step.total else step.stage
    return f"{words}, {step.detail}" if step.detail else words
