"""The artifacts in the slots: ``A/SHA256.tflite``, brought in whole, and looked at before they are relied on."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from edge.core.atomic import DRAFT, drafted, make_folder, sync_folder, write_all
from edge.device.slots.table import NAMES, SlotEntry, SlotTable
from edge.errors import StateError

SUFFIX = ".tflite"
BLOCK = 1 << 20
INCOMING = "incoming"
"""Folder for what is being received; a file in it can be moved into a slot instead of copied."""
CopyProgress = Callable[[int, int], None]
"""Bytes done, and bytes in all."""


class Files:
    """``folder`` is that of the slots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[tuple[int, ...], str] = {}

    def path(self, name: str, sha256: str) -> Path:
        return self.folder / name / f"{sha256}{SUFFIX}"

    def is_whole(self, name: str, held: SlotEntry) -> bool:
        """Whether the file has the size and the SHA-256 that it should. Raises PermissionError."""
        return self.holds(name, held.sha256, held.size)

    def holds(self, name: str, sha256: str, size: int) -> bool:
        """Whether the file holds that content. A file that has not changed since it was last looked at is not read
        again."""
        path = self.path(name, sha256)
        try:
            found = path.stat()
            key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            if key not in self._seen and found.st_size == size:
                self._seen[key] = _digest_of(path)
            return self._seen.get(key) == sha256
        except PermissionError:
            raise
        except OSError:
            return False

    def bring(self, source: Path, name: str, sha256: str, report: CopyProgress | None = None) -> None:
        """A copy of ``source``, or, out of ``incoming``, the file itself. Durable when it returns.

        Raises OSError, or StateError when what has come to lie there is something else; then there is nothing.
        """
        make_folder(self.folder / name)
        path = self.path(name, sha256)
        if source.parent == self.folder / INCOMING:
            _move(source, path)
        else:
            _copy(source, path, report)
        if _digest_of(path, from_disk=True) != sha256:
            path.unlink()
            raise StateError(f"{source}: changed since it was checked, or damaged by the disk; install it again")

    def tidy(self, kept: SlotTable) -> None:
        """Removes what no slot holds: earlier models, and what an interruption left."""
        keep = {self.path(name, held.sha256) for name, held in kept.held.items()}
        for name in NAMES:
            for path in [*(self.folder / name).glob(f"*{SUFFIX}"), *(self.folder / name).glob(f".*{DRAFT}")]:
                if path not in keep:
                    with contextlib.suppress(OSError):
                        path.unlink()


def _copy(source: Path, path: Path, report: CopyProgress | None) -> None:
    with source.open("rb") as stream, drafted(path) as file:
        done, size = 0, os.fstat(stream.fileno()).st_size
        while block := stream.read(BLOCK):
            write_all(file, block)
            done += len(block)
            if report is not None:
                report(done, size)


def _move(source: Path, path: Path) -> None:
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(path)
    sync_folder(path.parent)


def _digest_of(path: Path, *, from_disk: bool = False) -> str:
    """``from_disk``: not from memory, as far as the system does what it is asked for."""
    with path.open("rb") as file:
        if from_disk:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(file, "sha256").hexdigest()
