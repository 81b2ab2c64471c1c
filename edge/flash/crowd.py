"""Many targets at once: so many threads, and one Ctrl-C for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from edge.flash.deliverer import Deliverer

T = TypeVar("T")


class Crowd:
    """:attr:`interrupted` after Ctrl-C: what was under way was told to stop, what had not begun was not begun."""

    def __init__(self, targets: Sequence[Deliverer], parallel: int) -> None:
        self._targets, self._parallel = targets, parallel
        self.interrupted = False

    def each(self, work: Callable[[Deliverer], T]) -> Iterator[T]:
        """What ``work`` returns, as it comes. After a Ctrl-C it is still called for every target, but each was
        told to stop before: it says for itself in which state it is.
        """
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="flash") as pool:
            waiting: set[Future[T]] = {pool.submit(work, target) for target in self._targets}
            while waiting:
                done, waiting = self._wait(waiting)
                for future in done:
                    yield future.result()

    def _wait(self, waiting: set[Future[T]]) -> tuple[set[Future[T]], set[Future[T]]]:
        try:
            return wait(waiting, return_when=FIRST_COMPLETED)
        except KeyboardInterrupt:
            if self.interrupted:
                raise
            self.interrupted = True
            for target in self._targets:
                target.stop()
            return set(), waiting
