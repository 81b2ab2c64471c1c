"""A few readers of the store for the threads that answer requests."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.monitor.queries.reader import SqlReader

MOST = 4


class ReaderPool:
    """Opened when first needed, then kept; each is lent to one request at a time."""

    def __init__(self, opener: Callable[[], SqlReader], most: int = MOST) -> None:
        self._opener = opener
        self._free: queue.LifoQueue[SqlReader | None] = queue.LifoQueue()
        for _ in range(most):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[SqlReader]:
        """Waits for one. Raises StateError when the store cannot be read."""
        reader = self._free.get()
        try:
            reader = reader or self._opener()
            yield reader
        finally:
            self._free.put(reader)

    def close(self) -> None:
        """When no request is under way any more."""
        while not self._free.empty():
            if reader := self._free.get_nowait():
                reader.close()
