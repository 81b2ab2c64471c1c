"""Many panes, each counted once: what a monitor knows of a device, a line or a fleet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from edge.drift.pane import Pane
from edge.drift.reference import Reference
from edge.errors import ArtifactError


class PaneKey(NamedTuple):
    """Names a pane everywhere and for ever."""

    device: str
    boot: str
    number: int


class Ledger:
    """Panes by key. Adding is commutative, associative and idempotent: repeated or late deliveries do no harm."""

    def __init__(self, reference: Reference, model: str = "") -> None:
        self._empty = Pane(reference, model)
        self._panes: dict[PaneKey, Pane] = {}

    def add(self, key: PaneKey, pane: Pane) -> bool:
        """False for a pane that is known already.

        Raises ArtifactError for one of another reference or model, and for two different panes of one key.
        """
        known = self._panes.get(key)
        if known is None:
            self._empty.merge(pane)  # refuses another reference or model
            self._panes[key] = pane
        elif known != pane:
            raise ArtifactError(f"two different panes are called {key.device} {key.boot} {key.number}")
        return known is None

    def merge(self, other: Ledger) -> Ledger:
        """All panes of both."""
        merged = Ledger(self._empty.reference, self._empty.model)
        for ledger in (self, other):
            for key, pane in ledger._panes.items():
                merged.add(key, pane)
        return merged

    def total(self, where: Callable[[PaneKey], bool] = lambda _: True) -> Pane:
        """The sum of the panes whose key is chosen; all by default."""
        total = self._empty
        for key, pane in self._panes.items():
            if where(key):
                total = total.merge(pane)
        return total

    def __len__(self) -> int:
        return len(self._panes)

    def __iter__(self) -> Iterator[PaneKey]:
        return iter(sorted(self._panes))


class SlidingWindow:
    """The sum of the last ``length`` panes of one stream: each new one is added, the oldest taken away."""

    def __init__(self, reference: Reference, length: int, model: str = "") -> None:
        if length < 1:
            raise ValueError(f"sliding window: expected at least one pane, got {length}")
        self._length = length
        self._panes: deque[Pane] = deque()
        self._total = Pane(reference, model)

    def add(self, pane: Pane) -> Pane:
        """The window that ends with this pane."""
        self._total = self._total.merge(pane)
        self._panes.append(pane)
        if len(self._panes) > self._length:
            self._total = self._total.subtract(self._panes.popleft())
        filled = [one for one in self._panes if one.n]
        if filled:
            self._total.first_seq = min(one.first_seq for one in filled)
            self._total.last_seq = max(one.last_seq for one in filled)
        return self._total

    @property
    def full(self) -> bool:
        return len(self._panes) == self._length
