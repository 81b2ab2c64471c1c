"""The history: a file that grows by one line with each change, up to a limit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge.core.atomic import append_lines, belong, write_whole
from edge.device.slots.table import SlotTable, decode, encode

MAX_BYTES = 256 << 10
"""Some three hundred changes; then the older half goes."""


class SlotHistory:
    """Each line holds the whole memory after an event, so the last whole one can stand in for the pointer file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[SlotTable]:
        """Oldest first; what is torn or damaged is passed over. Raises OSError."""
        return list(_decoded(self._lines()))

    def last(self) -> SlotTable | None:
        """Without looking at all that came before. Raises OSError."""
        return next(_decoded(reversed(self._lines())), None)

    def add(self, kept: SlotTable) -> None:
        """Durable when it returns. Raises OSError; the file is then as before."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            belong(handle, self.path.parent)
            append_lines(handle, encode(kept))
            size = os.fstat(handle).st_size
        finally:
            os.close(handle)
        if size > MAX_BYTES:
            self._trim()

    def _trim(self) -> None:
        lines = [encode(kept) for kept in self.read()]
        write_whole(self.path, b"".join(lines[len(lines) // 2 :]))

    def _lines(self) -> list[bytes]:
        try:
            return self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []


def _decoded(lines: Iterable[bytes]) -> Iterator[SlotTable]:
    for line in lines:
        kept = decode(line) if line else None
        if kept is not None and kept.event is not None:
            yield kept
