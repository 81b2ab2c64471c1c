"""Asks the daemon of a state folder how it is."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

from edge.core.structs import build
from edge.device.health.snapshot import Snapshot
from edge.device.status import local
from edge.errors import ConfigError, StateError

TIMEOUT_S = 3.0
MAX_BYTES = 1 << 20


class NotRunningError(StateError):
    """No daemon uses the state folder."""


def ask(folder: Path) -> Snapshot:
    """Answered within TIMEOUT_S. Raises NotRunningError, and StateError for a daemon that may not be asked, does not
    answer, or belongs to another version.
    """
    try:
        with local.connect(folder, TIMEOUT_S) as connection:
            answer = _read(connection)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NotRunningError(f"{folder}: no daemon runs on this state folder; start one with 'edge run'") from None
    except PermissionError:
        raise StateError(f"{folder / local.NAME}: not allowed; ask as the daemon's user or group") from None
    except OSError as error:
        raise StateError(
            f"{folder}: the daemon does not answer ({error}); it is starting, or hangs: look at its log"
        ) from None
    try:
        return build(Snapshot, json.loads(answer), strict=False)
    except (ValueError, ConfigError) as error:
        raise StateError(
            f"{folder}: the daemon's answer is not understood ({error}); is it of this version?"
        ) from None


def runs(folder: Path) -> bool:
    """Whether a daemon uses the state folder, however it is."""
    try:
        local.connect(folder, TIMEOUT_S).close()
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return False
    except OSError:
        return True
    return True


def _read(connection: socket.socket) -> bytes:
    until = time.monotonic() + TIMEOUT_S
    parts = bytearray()
    while len(parts) < MAX_BYTES:
        connection.settimeout(max(0.01, until - time.monotonic()))
        part = connection.recv(1 << 16)
        if not part:
            if not parts:
                raise ConnectionResetError("it closed the connection")
            return bytes(parts)
        parts += part
    raise StateError(f"the answer is longer than {MAX_BYTES} bytes")
