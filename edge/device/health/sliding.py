"""Sliding views of figures that only grow: a ring of earlier samples, held by whoever reads them."""

from __future__ import annotations

from collections import deque
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    @property
    def at_s(self) -> float:
        """Monotonic clock."""
        ...


T = TypeVar("T", bound=Timed)


class SlidingCounts(Generic[T]):
    """Samples at least ``step_s`` apart, as far back as ``span_s`` needs: ``span_s / step_s + 2`` at most."""

    def __init__(self, first: T, *, span_s: float, step_s: float) -> None:
        self._span_s, self._step_s = span_s, step_s
        self._samples = deque([first])

    def add(self, sample: T) -> None:
        """Kept if it is time for one; those that no view needs any more go."""
        if sample.at_s - self._samples[-1].at_s >= self._step_s:
            self._samples.append(sample)
        while len(self._samples) > 1 and self._samples[1].at_s <= sample.at_s - self._span_s:
            self._samples.popleft()

    def before(self, now_s: float, span_s: float) -> T:
        """The youngest sample at least ``span_s`` old; the oldest of all while there is none."""
        found = self._samples[0]
        for sample in self._samples:
            if sample.at_s > now_s - span_s:
                break
            found = sample
        return found
