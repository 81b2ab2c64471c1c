"""Lock on the slots: the daemon, ``edge slots`` and a roll-out share them, in one process or in several."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.core.atomic import belong
from edge.errors import StateError

WAIT_S = 10.0
"""A change takes a few writes of the disk, which a bad card can make long."""
_POLL_S = 0.01


@contextmanager
def changing(folder: Path, wait_s: float = WAIT_S) -> Iterator[None]:
    """Around one change. Raises StateError when another does not end, OSError."""
    with _locked(folder / "lock", wait_s, "another program changes the slots and does not end; try again"):
        yield


@contextmanager
def installing(folder: Path) -> Iterator[None]:
    """Around an installation, which may take long: the slots can be read and changed meanwhile. As above."""
    with _locked(folder / "install.lock", 0.0, "another installation is under way; wait for its end"):
        yield


@contextmanager
def _locked(path: Path, wait_s: float, refusal: str) -> Iterator[None]:
    # Read only: that is enough to lock it, and works on a file that another user made.
    handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        belong(handle, path.parent)
        until = time.monotonic() + wait_s
        while not _take(handle):
            if time.monotonic() >= until:
                raise StateError(f"{path.parent}: {refusal}")
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
