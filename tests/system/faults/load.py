"""A device under load, as a process that may be killed at any moment: it records as fast as it can, and says over a
pipe what its buffer has acknowledged.
"""

from __future__ import annotations

import multiprocessing
import struct
import time
from ctypes import Array, c_longlong
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["edge.device.buffer", "edge.device.sync", "edge.protocol.mqtt", "tests.system.faults.load"]
)
_NOTE = struct.Struct("<13sQQ")
DEVICE = "line-1"


@dataclass(frozen=True)
class Load:
    """What the process does. ``broker`` empty: it only records."""

    path: Path
    commit_s: float = 0.05
    commit_records: int = 100
    pause_s: float = 0.001
    broker: str = ""


@dataclass(frozen=True)
class Note:
    """``committed`` records of a boot are durable since ``at_ns`` (monotonic)."""

    boot_id: str
    committed: int
    at_ns: int


@dataclass(frozen=True)
class Made:
    """When the newest record was made (0: none yet), and how long the longest turn took, from one tick of the buffer
    to the next: with the commit, and with whatever else the machine had to do meanwhile.
    """

    newest_ns: int
    longest_turn_ns: int


class Device:
    """The running process."""

    def __init__(self, load: Load) -> None:
        self._notes, theirs = _CONTEXT.Pipe(duplex=False)
        self._made = _CONTEXT.RawArray(c_longlong, 2)
        self.process = _CONTEXT.Process(target=_record, args=(load, theirs, self._made), daemon=True)
        self.process.start()
        theirs.close()

    def made(self) -> Made:
        """May be asked at any moment: the process writes the two figures in the opposite order."""
        newest_ns = self._made[1]
        return Made(newest_ns, self._made[0])

    def wait_for_commit(self, timeout_s: float = 20.0) -> Note | None:
        """The next note; None when the process has ended."""
        try:
            if not self._notes.poll(timeout_s):
                raise AssertionError(f"no commit within {timeout_s} s")
            boot_id, *figures = _NOTE.unpack(self._notes.recv_bytes())
        except EOFError:
            return None
        return Note(boot_id.decode(), *figures)

    def kill(self) -> list[Note]:
        """kill -9; what it had said until then and nobody has read."""
        self.process.kill()
        self.process.join()
        notes = []
        while (note := self.wait_for_commit()) is not None:
            notes.append(note)
        self._notes.close()
        self.process.close()
        return notes


def _record(load: Load, notes: Connection, made: Array[c_longlong]) -> None:
    from edge.core.backoff import Backoff
    from edge.device.buffer import Buffer
    from edge.device.sync import Sync, open_transport
    from edge.protocol.messages import Identity
    from edge.protocol.record import Record

    buffer = Buffer(load.path, model="m", commit_s=load.commit_s, commit_records=load.commit_records)
    if load.broker:
        identity = Identity(DEVICE, "", "", buffer.boot_id, "m", 1, ("a", "b"))
        transport = open_transport(load.broker, client_id=DEVICE)
        Sync(transport, buffer, identity, predictions=True, backoff=Backoff(0.02, 0.1)).start()
    seq = committed = 0
    began = time.monotonic_ns()
    while True:
        for _ in range(10):
            now = time.monotonic_ns()
            buffer.append(Record(seq, now, time.time_ns(), 900, seq % 97 / 97, seq % 2, 0))
            made[0], made[1] = max(made[0], now - began), now
            seq += 1
        now = time.monotonic_ns()
        made[0], began = max(made[0], now - began), now
        buffer.tick()
        if buffer.committed > committed:
            committed = buffer.committed
            notes.send_bytes(_NOTE.pack(buffer.boot_id.encode(), committed, time.monotonic_ns()))
        time.sleep(load.pause_s)
