"""Records that wait in memory for the next commit: bounded, oldest out first, every loss counted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge.protocol.record import Record

RECORDS_MOST = 100_000
"""Records kept while the disk refuses them: 55 minutes at 30 parts a second, about 30 MB."""
MESSAGES_MOST = 1_000


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A finished message, with the id of its row to be; ``offset_ns`` is that of :mod:`edge.core.clock` when it was
    made.
    """

    id: int
    kind: str
    seq: int
    payload: bytes
    model: str
    offset_ns: int


class WaitingRecords:
    """Queue of one thread."""

    def __init__(self, records_most: int = RECORDS_MOST, messages_most: int = MESSAGES_MOST) -> None:
        self.records: deque[Record] = deque(maxlen=records_most)
        self.messages: deque[WaitingMessage] = deque(maxlen=messages_most)
        self.lost_records = 0
        self.lost_messages = 0

    def __bool__(self) -> bool:
        return bool(self.records or self.messages)

    def append(self, record: Record) -> None:
        self.lost_records += len(self.records) == self.records.maxlen
        self.records.append(record)

    def put(self, message: WaitingMessage) -> None:
        self.lost_messages += len(self.messages) == self.messages.maxlen
        self.messages.append(message)

    def forget(self, records: int, messages: int) -> None:
        """The oldest so many are durable now."""
        for _ in range(records):
            self.records.popleft()
        for _ in range(messages):
            self.messages.popleft()
