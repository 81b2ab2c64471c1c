"""Results line by line: what CSV and JSON lines share. A torn last line is dropped when a file is continued."""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from edge.errors import ConfigError, StateError
from edge.inference.batch.row import BatchRow, Written
from edge.inference.batch.seen import SeenFrames

SYNC_S = 1.0
"""Seconds between two moments at which written lines are made durable."""


class LineFormat(Protocol):
    """Format of rows as lines."""

    def head(self) -> bytes:
        """Beginning of a new file."""
        ...

    def encode(self, row: BatchRow) -> bytes:
        """With the end of its line."""
        ...

    def rows(self, file: BinaryIO) -> Iterator[tuple[BatchRow, int]]:
        """The whole rows from the beginning of the file, each with the offset of its end.

        A torn last one is left out. Raises ValueError for anything that :meth:`encode` did not write.
        """
        ...


class LineFile:
    """A :class:`~edge.inference.batch.sink.BatchSink` into a text file."""

    def __init__(self, path: Path, form: LineFormat, written: Written, *, resume: bool) -> None:
        """Begins ``path`` anew, or carries it on. Raises ConfigError when it holds something else, StateError."""
        self.tally: Counter[str] = Counter()
        self._path, self._form = path, form
        self._seen = SeenFrames()
        self._synced = time.monotonic()
        try:
            self._file = _open_locked(path)
            try:
                self._begin(written, resume)
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise self._refusal(error) from None

    def is_done(self, path: str, frame: int) -> bool:
        return (path, frame) in self._seen

    def put(self, row: BatchRow) -> None:
        try:
            self._file.write(self._form.encode(row))
            self._file.flush()
            if time.monotonic() - self._synced >= SYNC_S:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise self._refusal(error) from None
        self._count(row)

    def close(self) -> None:
        self._seen.close()
        try:
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise self._refusal(error) from None

    def _begin(self, written: Written, resume: bool) -> None:
        end = self._read() if resume else 0
        self._file.truncate(end)
        self._file.seek(end)
        if end == 0:
            self._file.write(self._form.head())
            self._file.flush()

    def _read(self) -> int:
        """Takes in what earlier runs wrote; returns where the last whole line ends."""
        self._file.seek(0)
        head = self._file.read(len(self._form.head()))
        end = len(self._form.head())
        if head != self._form.head():
            if self._form.head().startswith(head):
                return 0  # killed while it wrote the very first line
            raise self._foreign("its first line is another one")
        try:
            for row, end in self._form.rows(self._file):  # noqa: B007  the last one's end is what counts
                self._count(row)
        except ValueError as error:
            raise self._foreign(str(error)) from None
        return end

    def _count(self, row: BatchRow) -> None:
        self._seen.add(row.path, row.frame)
        self.tally[row.label] += 1

    def _foreign(self, reason: str) -> ConfigError:
        return ConfigError(
            f"{self._path}: not a result of this model that could be continued ({reason}); "
            "choose another file, or --overwrite"
        )

    def _refusal(self, error: OSError) -> StateError:
        return StateError(
            f"{self._path}: cannot be written ({error.strerror or error}); "
            "what is in it stays, continue with --resume"
        )


def _open_locked(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError(f"{path}: another job writes into it; wait for it, or choose another file") from None
    return os.fdopen(handle, "rb+")
