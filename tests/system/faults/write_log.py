"""Power cuts that need no root: a log of all writes and fsyncs of a process, replayed up to a random moment."""

from __future__ import annotations

import random
import struct
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct("<cHQI")
_SECTOR = 512


@dataclass(frozen=True)
class Operation:
    """``kind``: c(reate), w(rite), s(ync), t(runcate), u(nlink) or r(ename); ``offset`` is the new size for t,
    ``data`` the new name for r.
    """

    kind: str
    name: str
    offset: int
    data: bytes

    @property
    def confirmed_by(self) -> str:
        """What must be synced after it: the file, or for names the folder."""
        if self.kind not in "ur":
            return self.name
        return str(Path(self.data.decode() if self.kind == "r" else self.name).parent)


def read_log(path: Path) -> list[Operation]:
    """A last entry that is not whole was under way when the process ended."""
    data, at, found = path.read_bytes(), 0, []
    while at + _HEAD.size <= len(data):
        kind, name_length, offset, length = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size
        at = begin + name_length + length
        if at <= len(data):
            name = data[begin : begin + name_length].decode()
            found.append(Operation(kind.decode(), name, offset, data[at - length : at]))
    return found


def after_a_cut(operations: list[Operation], chance: random.Random, folder: Path) -> None:
    """Files in ``folder`` as a power cut after ``operations`` may leave them.

    What an fsync of the same file (for a removal or a new name, of the folder) confirmed is there. Of the rest, each
    sector of each write may be there or not, in any combination: disks reorder, and tear.
    """
    files: dict[str, bytearray] = {}
    confirmed = _confirmed_until(operations)
    for number, operation in enumerate(operations):
        if operation.kind != "s":
            _apply(files, operation, chance, confirmed=number < confirmed[operation.confirmed_by])
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _confirmed_until(operations: list[Operation]) -> dict[str, int]:
    """By name: up to which operation it was synced."""
    found: dict[str, int] = defaultdict(int)
    for number, operation in enumerate(operations):
        if operation.kind == "s":
            found[operation.name] = number
    return found


def _apply(files: dict[str, bytearray], operation: Operation, chance: random.Random, *, confirmed: bool) -> None:
    if operation.kind in "ur":
        if confirmed or chance.random() < 0.5:
            content = files.pop(operation.name, bytearray())
            if operation.kind == "r":
                files[operation.data.decode()] = content
        return
    if operation.kind == "c":
        files[operation.name] = bytearray()
        return
    content = files.setdefault(operation.name, bytearray())
    if operation.kind == "t":
        if confirmed or chance.random() < 0.5:
            del content[operation.offset :]
            content.extend(bytes(operation.offset - len(content)))
        return
    for begin, piece in [(operation.offset, operation.data)] if confirmed else _sectors(operation):
        if confirmed or chance.random() < 0.5:
            content.extend(bytes(max(0, begin + len(piece) - len(content))))
            content[begin : begin + len(piece)] = piece


def _sectors(operation: Operation) -> list[tuple[int, bytes]]:
    found, at, end = [], operation.offset, operation.offset + len(operation.data)
    while at < end:
        upto = min(end, (at // _SECTOR + 1) * _SECTOR)
        found.append((at, operation.data[at - operation.offset : upto - operation.offset]))
        at = upto
    return found
