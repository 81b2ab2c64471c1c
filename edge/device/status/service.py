"""Opens what the configuration asks for: always the sockets in the state folder, the port when it is named."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.device.health.snapshot import Snapshot
from edge.device.status import control, local, web
from edge.device.status.listener import Listener
from edge.device.status.snapshot_cache import SnapshotCache
from edge.gates import Gate

log = logging.getLogger(__name__)


class StatusService:
    """Answers from its first :meth:`start` until it is closed, in threads of its own; callers that come before wait.

    ``folder`` is the state folder, locked by the caller; ``prometheus`` is ``host:port`` or empty. Raises ConfigError
    when the port cannot be had. A state folder that takes no socket is said and lived with: the line must run.
    """

    def __init__(self, folder: Path, prometheus: str = "") -> None:
        self._folder = folder
        self._port = web.listen(prometheus) if prometheus else None
        self._sockets = {name: _listen(folder, name) for name in (local.NAME, control.NAME)}
        self._doors: list[Listener] = []

    def serve_gate(self, gate: Gate) -> None:
        """Begins to take what people ask of the gate by hand."""
        if (listener := self._sockets[control.NAME]) is not None:
            self._open(Listener(listener, partial(control.answer, gate=gate), "control"))

    def start(self, latest: Callable[[], Snapshot]) -> None:
        """``latest`` returns at once."""
        board = SnapshotCache(latest)
        if self._port is not None:
            self._open(Listener(self._port, partial(web.answer, board=board), "metrics"))
        if (listener := self._sockets[local.NAME]) is not None:
            self._open(Listener(listener, lambda caller: local.send(caller, board.json()), "status"))

    def close(self) -> None:
        """The sockets are gone afterwards."""
        for door in self._doors:
            door.close()
        for listener in (self._port, *self._sockets.values()):
            if listener is not None:
                listener.close()
        for name, listener in self._sockets.items():
            if listener is not None:
                local.remove(self._folder, name)

    def _open(self, door: Listener) -> None:
        self._doors.append(door)
        door.start()


def _listen(folder: Path, name: str) -> socket.socket | None:
    try:
        return local.listen(folder, name)
    except OSError as error:
        reason = error.strerror or error
        command = "edge status" if name == local.NAME else "edge gate off"
        log.warning("%s: %s; '%s' cannot ask this daemon", folder / name, reason, command)
    return None
