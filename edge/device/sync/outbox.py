"""Where Sync takes what waits for delivery from, and tells what has arrived."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One row of the buffer that waits for delivery."""

    id: int
    kind: str
    """``predictions``, ``audit``, ``drift`` or ``stats``."""
    boot_id: str
    seq: int
    """Number of the first record for predictions, else of the window."""
    count: int
    """Records in the row; 1 for messages."""
    model: str
    payload: bytes
    """:func:`edge.protocol.record.pack`-ed records for predictions, else the finished JSON message; empty if
    damaged."""
    made_offset_ns: int | None = None
    """Wall minus monotonic clock when the message was made."""
    offset_ns: int | None = None
    """The same as it was last seen in that boot: what to believe."""
    synchronized: bool | None = None
    """Whether a time service had set the wall clock by then."""
    model_version: int = 0
    labels: tuple[str, ...] = ()
    """Labels of the model that judged, for predictions; version 0 and no labels where it is not known."""


class Outbox(Protocol):
    """The durable queue behind Sync. All methods are called from Sync's thread."""

    def pending(self, after: int, limit: int) -> list[OutboxEntry]:
        """Unacknowledged entries with ``id > after``, oldest first; empty only when there are none, or none that can
        be read now.
        """
        ...

    def acknowledge(self, ids: Sequence[int]) -> None:
        """These arrived: ``pending`` no longer returns them. Cheap; may become durable later."""
        ...

    def last_id(self) -> int:
        """Entries that appear in ``pending`` from now on have greater ids; 0 before the first."""
        ...


class MemoryOutbox:
    """An outbox without a disk, for trying things out and for tests. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, OutboxEntry] = {}
        self._last = 0

    def add(self, kind: str, boot_id: str, seq: int, payload: bytes, *, count: int = 1, **more: Any) -> OutboxEntry:
        """Appends an entry and returns it with its id. ``more``: the model, and what Entry says of clocks."""
        with self._lock:
            self._last += 1
            model = more.pop("model", "")
            entry = OutboxEntry(self._last, kind, boot_id, seq, count, model, payload, **more)
            self._entries[entry.id] = entry
            return entry

    def pending(self, after: int, limit: int) -> list[OutboxEntry]:
        with self._lock:
            ids = list(self._entries)
            start = bisect_right(ids, after)
            return [self._entries[id_] for id_ in ids[start : start + limit]]

    def acknowledge(self, ids: Sequence[int]) -> None:
        with self._lock:
            for id_ in ids:
                self._entries.pop(id_, None)

    def last_id(self) -> int:
        return self._last

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)
