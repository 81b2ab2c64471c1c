"""Files that a power cut leaves whole, old or new: written beside, synced, renamed, and the folder synced.

A rename alone is not enough: without the first fsync the name may be there before its content, without the second
the old name may come back (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).

Everything here raises OSError, and leaves what was there before.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk without room."""
DRAFT = ".partial"
"""The ending of a file that is not whole yet; its name begins with a dot."""


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """In place of what has the name. Durable when it returns."""
    with drafted(path, mode) as file:
        write_all(file, data)


@contextmanager
def drafted(path: Path, mode: int = 0o666) -> Iterator[int]:
    """The handle of a new file that takes the name ``path`` at the end, durably; after an error it is gone."""
    draft = draft_of(path)
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            belong(file, path.parent)
            yield file
            os.fsync(file)
        finally:
            os.close(file)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)


def draft_of(path: Path) -> Path:
    """Name of a file until it is whole."""
    return path.with_name(f".{path.name}{DRAFT}")


def append_lines(file: int, lines: bytes) -> None:
    """At the end of a file that is open for reading, too; all of them or none. Durable when it returns."""
    size = os.lseek(file, 0, os.SEEK_END)
    # A line that a power cut tore must not swallow the first new one.
    torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
    try:
        write_all(file, b"\n" * torn + lines)
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def write_all(file: int, data: bytes) -> None:
    """However many calls it takes."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def sync_folder(folder: Path) -> None:
    """The names in it, as they are now."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """With those above it; each is durable before anything lies in it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    belong(folder, folder.parent)
    sync_folder(folder.parent)


def belong(made: int | Path, folder: Path) -> None:
    """Hands what root makes for a daemon to the owner of the folder it lies in: ``sudo edge`` locks nobody out."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)
