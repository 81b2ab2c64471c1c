"""An artifact from a stream, on its way into a slot."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge.core.atomic import belong, make_folder, write_all
from edge.device.slots.files import BLOCK
from edge.device.slots.slots import Slots
from edge.errors import ArtifactError, StateError
from edge.inference.artifact.artifact import MAX_BYTES

NAME = "stdin.tflite"


@contextmanager
def received(slots: Slots, stream: BinaryIO) -> Iterator[Path]:
    """All of it, in a file that is gone at the end unless it was put into a slot.

    Raises ArtifactError when it is too long to be one, StateError for another one under way and for a disk that
    refuses.
    """
    path = slots.incoming / NAME
    try:
        make_folder(slots.incoming)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror}); write it as the daemon's user") from None
    try:
        _lock(file, path)
        try:
            _fill(file, path, stream)
            yield path
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(file)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateError(f"{path}: another artifact is being received; wait for its end") from None


def _fill(file: int, path: Path, stream: BinaryIO) -> None:
    size = 0
    try:
        os.ftruncate(file, 0)  # what a cut-off predecessor left
        belong(file, path.parent)
        while block := stream.read(BLOCK):
            size += len(block)
            if size > MAX_BYTES:
                raise ArtifactError(f"standard input: more than {MAX_BYTES} bytes; expected an artifact")
            write_all(file, block)
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror}); nothing was installed") from None
