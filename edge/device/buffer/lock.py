"""One writer per state folder: two would damage the buffer."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import StateError


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Raises StateError when another process has it, or when the folder cannot be written."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        handle = _open(state / "lock")
    except OSError as error:
        reason = error.strerror
        raise StateError(f"{state}: cannot be written ({reason}); expected a folder of this user's") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StateError(f"{state}: another daemon uses it; stop that one, or set device.state elsewhere") from None
    try:
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a disk that is read only now: an old file will do
