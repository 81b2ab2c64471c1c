"""Sockets in the state folder. Whoever connects to ``status.sock`` is sent the snapshot as JSON, and no more; what
``control.sock`` is for, :mod:`edge.device.status.control` says."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "status.sock"
MODE = 0o660
"""The daemon's user and group; whoever may write the socket may ask."""
LONGEST_PATH = 100
"""The kernel takes 107 bytes, other systems 103."""
SEND_S = 1.0
BACKLOG = 8


def listen(folder: Path, name: str = NAME) -> socket.socket:
    """Those who connect wait until they are let in. The caller holds the folder's lock: a socket that is there
    already is a dead daemon's.

    Raises OSError, also when something else than a socket is there.
    """
    _remove_stale(folder / name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(folder, name) as address:
            listener.bind(address)
        # Nobody can connect before listen(), so nobody comes before the rights are set.
        (folder / name).chmod(MODE)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def connect(folder: Path, timeout_s: float, name: str = NAME) -> socket.socket:
    """Raises OSError: FileNotFoundError or ConnectionRefusedError where no daemon listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        with _short(folder, name) as address:
            _wait_in_line(connection, address, time.monotonic() + timeout_s)
    except BaseException:
        connection.close()
        raise
    return connection


def remove(folder: Path, name: str = NAME) -> None:
    """After the daemon's end."""
    with contextlib.suppress(OSError):
        (folder / name).unlink()


def send(connection: socket.socket, payload: bytes) -> None:
    """A reader that does not read is left."""
    connection.settimeout(SEND_S)
    connection.sendall(payload)


def _wait_in_line(connection: socket.socket, address: str, until_s: float) -> None:
    """A Unix socket with a time-out does not wait by itself while too many others do."""
    while True:
        try:
            connection.connect(address)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise TimeoutError("too many others ask") from None
            time.sleep(0.01)
        else:
            return


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "is not a socket; move it away")
    path.unlink()


@contextmanager
def _short(folder: Path, name: str) -> Iterator[str]:
    """The socket's address: its path, or, where that is too long, one through a handle of the folder."""
    path = str(folder / name)
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{name}"
    finally:
        os.close(handle)
