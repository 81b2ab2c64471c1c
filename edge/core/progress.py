"""Lines that say what a long piece of work is doing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

EVERY_S = 2.0


class Progress:
    """Writes to ``stream``; None is silent, which is what the Python API wants.

    For a conversion the stream should not be file descriptor 2 itself: that one is redirected while TensorFlow works.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._spoken = time.monotonic()

    def say(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(line + "\n")
            self._stream.flush()

    def count(self, items: Iterable[T], total: int, what: str) -> Iterator[T]:
        """Hands the items on; after every two seconds says how far it got."""
        self._spoken = time.monotonic()
        for done, item in enumerate(items):
            self.seldom(f"  {what} {done} of {total}")
            yield item

    def seldom(self, line: str) -> None:
        """Says it, unless it did so within the last two seconds."""
        if time.monotonic() - self._spoken >= EVERY_S:
            self._spoken = time.monotonic()
            self.say(line)
