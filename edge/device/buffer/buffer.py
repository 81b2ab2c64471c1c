"""The durable local buffer: what was acknowledged by a commit is never lost, and it never grows past its cap."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.core.clock import clock_state
from edge.core.ratelimit import RateLimitedLog
from edge.device.buffer.file import BufferFile, Commit
from edge.device.buffer.judges import JudgingModel
from edge.device.buffer.reading import BufferReaders, records
from edge.device.buffer.schema import storage_trouble
from edge.device.buffer.waiting import RECORDS_MOST, WaitingMessage, WaitingRecords
from edge.device.buffer.wear import Wear
from edge.device.sync.outbox import OutboxEntry
from edge.errors import StateError
from edge.protocol.record import Record

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BufferState:
    """``bytes``: of live pages; ``evicted``: records and messages since the file was made, ``evicted_undelivered``
    those of them that still waited for the broker; ``lost``: records since the start, and ``lost_messages`` likewise.
    ``written_per_day``: bytes that this process writes to its storage, see :mod:`edge.device.buffer.wear`.
    """

    entries: int
    pending: int
    bytes: int
    evicted: int
    evicted_undelivered: int
    lost: int
    lost_messages: int = 0
    written_per_day: float | None = None


class Buffer:
    """One thread writes (``append``, ``put``, ``tick``, ``close``); the sync thread reads and acknowledges.

    A record is durable once the commit that holds it is done: after ``commit_records`` records or ``commit_s``
    seconds, whichever comes first. ``commit_s`` is the loss window of a power cut. While the storage refuses (full,
    read only, gone) everything waits in memory, up to ``waiting_records``; the oldest beyond that are lost, and
    counted.
    """

    def __init__(
        self,
        path: Path,
        *,
        model: str = "",
        cap_bytes: int = 256 << 20,
        commit_records: int = 500,
        commit_s: float = 5.0,
        deliver_predictions: bool = True,
        waiting_records: int = RECORDS_MOST,
    ) -> None:
        """Raises StateError where no waiting would help. A storage that is full or read only now is no error."""
        self.path = path
        self.committed = 0
        """Records of this boot that a commit has made durable."""
        self.trouble = ""
        """Why the last commit was refused; empty when it was not."""
        self._commit_s = commit_s
        """May be changed at any time."""
        self._commit_records = commit_records
        self._file = BufferFile(path, cap_bytes, model, deliver_predictions)
        self._readers = BufferReaders(path)
        self._waiting = WaitingRecords(waiting_records)
        self._acknowledged: deque[int] = deque()
        self._applying: frozenset[int] = frozenset()
        self._committed = time.monotonic()
        self._seldom, self._wear = RateLimitedLog(log), Wear()
        self._begin()

    def set_commit_interval(self, seconds: float) -> None:
        """Changes the loss window of a power cut. Any thread may call it."""
        self._commit_s = seconds

    def deliver_predictions(self, wanted: bool) -> None:
        """Whether records that come from now on are to reach the broker. Any thread may call it."""
        self._file.deliver_predictions = wanted

    @property
    def boot_id(self) -> str:
        """``000042-a1b2c3``: the boot's number, and something to tell it from the same number on a new card."""
        return self._file.boot_id

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged file went, if there was one."""
        return self._file.set_aside

    # -- the writer -----------------------------------------------------------------------------------------------

    def append(self, record: Record) -> None:
        """Keeps a decision. Durable after the next commit."""
        self._waiting.append(record)

    def judged_by(self, judge: JudgingModel, first_seq: int) -> None:
        """From record ``first_seq`` on, which is still to come, another model judges."""
        self._file.judges.add(judge, first_seq)

    def put(self, kind: str, seq: int, payload: bytes, model: str | None = None) -> None:
        """Keeps a finished message of kind ``audit``, ``drift``, ``stats`` or ``event``. Durable after the next
        commit, but pending at once: it may reach its readers before.

        ``model``: whose it is, if not that of the records.
        """
        owner = self._file.judges.last.model if model is None else model
        offset_ns = clock_state().offset_ns
        self._waiting.put(WaitingMessage(self._file.take_id(), kind, seq, payload, owner, offset_ns))

    def tick(self) -> None:
        """Commits when it is time to. Call it often."""
        due = time.monotonic() - self._committed >= self._commit_s
        full = len(self._waiting.records) >= self._commit_records
        # While the storage refuses, a full batch is no reason to ask it more often.
        if (full and not self.trouble) or (due and (self._waiting or self._acknowledged)):
            self.commit()

    def commit(self) -> None:
        """Makes everything durable now. A disk that refuses is said once a minute, and tried again when due."""
        try:
            self._write()
            if self.trouble:
                log.info("%s: can be written again", self.path)
            self.trouble = ""
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
        finally:
            self._applying = frozenset()
            self._committed = time.monotonic()

    def close(self) -> None:
        """Commits what is left and closes the file."""
        self.commit()
        self._file.close()

    def state(self) -> BufferState:
        """Counts for health reports. Cheap: no table is read through."""
        waiting = self._waiting
        return BufferState(
            self._file.entries,
            self._file.pending,
            *self._file.figures(),
            waiting.lost_records,
            waiting.lost_messages,
            self._wear.bytes_per_day(),
        )

    def records(self) -> Iterator[tuple[str, Record]]:
        """Every committed record still here, oldest first, with its boot id. For the writing thread."""
        return records(self._file.open())

    # -- the outbox, for the sync thread --------------------------------------------------------------------------

    def pending(self, after: int, limit: int) -> list[OutboxEntry]:
        """Entries with ``id > after`` that nobody has acknowledged, oldest first; empty only when there are none, or
        none that can be read now.
        """
        while True:
            # Asked before the rows, and in the order opposite to _take_acknowledged: an entry that a commit takes
            # away meanwhile is then in ``done``, or no longer in the rows.
            waiting = self._waiting.messages.copy()
            acknowledged = self._acknowledged.copy()
            done = self._applying.union(acknowledged)
            rows = self._rows_after(after, limit)
            entries = {entry.id: entry for entry in rows if entry.id not in done}
            if len(rows) < limit:
                for message in waiting:
                    if message.id > after and message.id not in done:
                        entries.setdefault(message.id, self._entry_of(message))
                return [entries[id_] for id_ in sorted(entries)[:limit]]
            if entries:
                return list(entries.values())
            after = rows[-1].id  # all acknowledged, and only the commit that says so is still to come

    def acknowledge(self, ids: Sequence[int]) -> None:
        """Entries that the other side has taken over. Durable with the next commit."""
        self._acknowledged.extend(ids)

    def last_id(self) -> int:
        """Whatever appears in ``pending`` from now on has a greater id."""
        return self._file.durable_id

    # -- inside ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        try:
            self._file.open(number_boot=True)
        except StateError:
            raise
        except (sqlite3.Error, OSError) as error:
            if storage_trouble(self.path.parent) is None:
                raise StateError(f"{self.path}: cannot be opened ({error}); check the folder and its disk") from None
            self._failed(error)

    def _write(self) -> None:
        waiting = self._waiting
        batch = Commit(list(waiting.records), list(waiting.messages), self._take_acknowledged())
        try:
            self._file.write(batch)
        except BaseException:
            self._acknowledged.extendleft(reversed(batch.acknowledged))
            raise
        waiting.forget(len(batch.records), len(batch.messages))
        self.committed += len(batch.records)

    def _take_acknowledged(self) -> list[int]:
        # Named as being applied before they leave the queue, so that ``pending`` never sees an entry in neither.
        taken = list(self._acknowledged.copy())
        self._applying = frozenset(taken)
        for _ in taken:
            self._acknowledged.popleft()
        return taken

    def _failed(self, error: Exception) -> None:
        self._file.failed(error)
        self.trouble = str(error)
        waiting = len(self._waiting.records)
        self._seldom.warning("write", f"{self.path}: not written ({error}); {waiting} records wait in memory")

    def _rows_after(self, after: int, limit: int) -> list[OutboxEntry]:
        if not self._file.is_open:
            self._readers.release()  # or a card that was torn out could never be mounted again
            return []
        try:
            return self._readers.pending(self._file.opened, after, limit)
        except sqlite3.Error as error:
            self._seldom.warning("read", f"{self.path}: what waits for delivery cannot be read now ({error})")
            return []

    def _entry_of(self, message: WaitingMessage) -> OutboxEntry:
        clock = (message.offset_ns, self._file.clock.offset_ns, self._file.clock.synchronized)
        return OutboxEntry(
            message.id, message.kind, self.boot_id, message.seq, 1, message.model, message.payload, *clock
        )
