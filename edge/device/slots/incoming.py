"""The device's end of a transfer: bytes on standard input go on where an earlier, broken transfer ended.

What arrived lies in ``incoming/`` beside the slots, under the SHA-256 of the whole file. So every sender of a file
writes the same bytes to the same places, and a receiver whose connection is dead but does not know yet does no harm.
Whatever a power cut made of the part, the digest of the whole is checked at the end.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Protocol

from edge.core.atomic import belong, make_folder, sync_folder, write_all
from edge.errors import ConfigError, EdgeError, StateError

CHUNK = 1 << 16
MAX_BYTES = 512 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Readable(Protocol):
    """Source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        ...


class DamagedError(StateError):
    """Raised when the content that arrived does not have the digest it should; it was removed."""


class IncomingArtifact:
    """One artifact on its way into ``folder``, which is :attr:`edge.device.slots.slots.Slots.incoming`."""

    def __init__(self, folder: Path, sha256: str, size: int) -> None:
        """Raises ConfigError. Nothing is written before :meth:`take`."""
        if not _SHA256.fullmatch(sha256):
            raise ConfigError(f"sha256: expected 64 hexadecimal digits, got {sha256!r:.80}")
        if not 0 < size <= MAX_BYTES:
            raise ConfigError(f"size: expected 1 to {MAX_BYTES} bytes, got {size}")
        self._folder, self._sha256, self._size = folder, sha256, size
        self.path = folder / f"{sha256}.tflite"
        """Where the whole file will be."""
        self._part = folder / f"{sha256}.part"

    def have(self) -> int:
        """Bytes that need not be sent again."""
        for path in (self.path, self._part):
            with contextlib.suppress(FileNotFoundError):
                return min(path.stat().st_size, self._size)
        return 0

    def take(self, stream: Readable, tell: Callable[[int], None]) -> None:
        """Reads what is missing; ``tell`` gets how many bytes are here, first of all those that were. Afterwards
        :attr:`path` is the whole file, on the disk.

        Raises StateError: for a disk that is full (what was there is removed, the line needs the room), for a stream
        that ends too early (what is there is kept), and DamagedError.
        """
        try:
            make_folder(self._folder)
            with _kept(self._part if not self.path.exists() else self.path) as file:
                tell(self.have())
                self._append(file, stream, tell)
                self._finish(file)
        except EdgeError:
            raise
        except OSError as error:
            if error.errno in _FULL:
                self.discard()
                raise StateError(f"{self._folder}: {_full(error, self._size)}") from None
            raise StateError(f"{self._folder}: cannot be written ({error.strerror})") from None

    def discard(self) -> None:
        """Removes what is there."""
        for path in (self.path, self._part):
            path.unlink(missing_ok=True)

    def _append(self, file: FileIO, stream: Readable, tell: Callable[[int], None]) -> None:
        done = file.seek(self.have())
        while done < self._size:
            data = stream.read(min(CHUNK, self._size - done))
            if not data:
                raise StateError(f"the transfer ended after {done} of {self._size} bytes; send the rest")
            write_all(file.fileno(), data)
            done += len(data)
            tell(done)

    def _finish(self, file: FileIO) -> None:
        os.fsync(file.fileno())
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != self._sha256:
            self.discard()
            raise DamagedError(f"{self.path.name}: the bytes are not those that its name promises; send it again")
        if not self.path.exists():
            self._part.rename(self.path)
        sync_folder(self._folder)


def sweep(folder: Path, keep: str = "") -> None:
    """Removes what earlier transfers left, but for those of ``keep`` (a SHA-256) and those that go on now."""
    for path in [*folder.glob("*.part"), *folder.glob("*.tflite")]:
        if path.stem == keep:
            continue
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


@contextlib.contextmanager
def _kept(path: Path) -> Iterator[FileIO]:
    """The file, to read and write, unbuffered, safe from :func:`sweep` while it is open."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        belong(file.fileno(), path.parent)
        fcntl.flock(file, fcntl.LOCK_SH)
        yield file


def _full(error: OSError, size: int) -> str:
    return f"no room for {size} bytes ({error.strerror}); free some, or lower buffer.cap_mb"
