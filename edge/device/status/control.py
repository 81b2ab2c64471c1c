"""Requests to a running daemon about its gate, through ``control.sock`` in the state folder.

A line of text (``gate off``) is answered by one JSON object. The daemon does it itself: it alone holds the pin, the
serial port, the connection to the PLC, and nobody fights it.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from edge.core.structs import build, plain
from edge.device.status import local
from edge.device.status.client import NotRunningError
from edge.errors import ConfigError, StateError
from edge.gates import Gate

NAME = "control.sock"
GATE_OFF = b"gate off\n"
WAIT_S = 5.0
"""Longest time that an off may take until it is confirmed: more than two time-outs and pauses before reopening."""
_HEAR_S = 2.0
_ANSWER_S = WAIT_S + 3.0
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class GateOffAnswer:
    """Answer to a request for an off."""

    off: bool
    """The output is known to be off."""
    problem: str = ""
    open_since_ns: int = 0
    """Wall clock; as of :class:`edge.gates.Condition`."""


def answer(connection: socket.socket, gate: Gate) -> None:
    """Hears one request and answers it. Raises OSError when the other side says nothing that is known."""
    if _read(connection, _HEAR_S) != GATE_OFF:
        raise ConnectionAbortedError("not a request that is answered here")
    local.send(connection, json.dumps(plain(drive_off(gate))).encode() + b"\n")


def drive_off(gate: Gate) -> GateOffAnswer:
    """Drives the output off, and waits until that is confirmed or WAIT_S are over."""
    is_off = gate.drive_off(WAIT_S)
    condition = gate.condition()
    return GateOffAnswer(is_off, condition.problem, condition.open_since_ns)


def ask_off(folder: Path) -> GateOffAnswer:
    """Asks the daemon of a state folder to drive its gate off. Raises NotRunningError where none runs, StateError
    when it may not be asked or does not answer."""
    try:
        with local.connect(folder, _ANSWER_S, NAME) as connection:
            connection.sendall(GATE_OFF)
            return build(GateOffAnswer, json.loads(_read(connection, _ANSWER_S)), strict=False)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NotRunningError(f"{folder}: no daemon runs on this state folder") from None
    except PermissionError:
        raise StateError(f"{folder / NAME}: not allowed; ask as the daemon's user or group") from None
    except (OSError, ValueError, ConfigError) as error:
        raise StateError(
            f"{folder}: the daemon does not answer ({error}); stop it, then 'edge gate off' again"
        ) from None


def _read(connection: socket.socket, within_s: float) -> bytes:
    """One line. Raises OSError when it does not come in time or is too long."""
    until, line = time.monotonic() + within_s, b""
    while not line.endswith(b"\n"):
        connection.settimeout(max(0.01, until - time.monotonic()))
        part = connection.recv(_MAX_BYTES)
        line += part
        if not part or len(line) > _MAX_BYTES:
            raise ConnectionAbortedError("no line came")
    return line
