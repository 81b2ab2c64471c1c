"""Many targets at once: so many threads, and one Ctrl-C for all."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from edge.fleet.connector import Connector

T = TypeVar("T")

HEAR_S = 0.2
"""A signal that comes just before the main thread waits, or to another thread, does not end that wait: Python calls
its handler only once the main thread runs again."""


class Parallel:
    """:attr:`interrupted` after Ctrl-C: what was under way was told to stop, what had not begun was not begun."""

    def __init__(self, targets: Sequence[Connector], parallel: int) -> None:
        self._targets, self._parallel = targets, parallel
        self.interrupted = False

    def each(self, work: Callable[[Connector], T]) -> Iterator[T]:
        """Yields what ``work`` returns, as it comes. After a Ctrl-C it is still called for every target, but each was
        told to stop before: it says for itself in which state it is.
        """
        with self._hearing(), ThreadPoolExecutor(self._parallel, thread_name_prefix="flash") as pool:
            waiting: set[Future[T]] = {pool.submit(work, target) for target in self._targets}
            while waiting:
                done, waiting = wait(waiting, HEAR_S, FIRST_COMPLETED)
                for future in done:
                    yield future.result()

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        """A handler and no exception: Ctrl-C may come anywhere, and the pool waits for its threads whatever comes."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        for target in self._targets:
            target.stop()
