"""Opens what the configuration asks for: always the socket in the state folder, the port when it is named."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.health.snapshot import Snapshot
from edge.status import local, web
from edge.status.board import Board
from edge.status.door import Door

log = logging.getLogger(__name__)


class StatusService:
    """Answers from its first :meth:`start` until it is closed, in threads of its own; callers that come before wait.

    ``folder`` is the state folder, locked by the caller; ``prometheus`` is ``host:port`` or empty. Raises ConfigError
    when the port cannot be had. A state folder that takes no socket is said and lived with: the line must run.
    """

    def __init__(self, folder: Path, prometheus: str = "") -> None:
        self._folder = folder
        self._port = web.listen(prometheus) if prometheus else None
        self._socket = _listen(folder)
        self._doors: list[Door] = []

    def start(self, latest: Callable[[], Snapshot]) -> None:
        """``latest`` returns at once."""
        board = Board(latest)
        if self._port is not None:
            self._doors.append(Door(self._port, partial(web.answer, board=board), "metrics"))
        if self._socket is not None:
            self._doors.append(Door(self._socket, lambda caller: local.send(caller, board.json()), "status"))
        for door in self._doors:
            door.start()

    def close(self) -> None:
        """The socket is gone afterwards."""
        for door in self._doors:
            door.close()
        for listener in (self._port, self._socket):
            if listener is not None:
                listener.close()
        if self._socket is not None:
            local.remove(self._folder)


def _listen(folder: Path) -> socket.socket | None:
    try:
        return local.listen(folder)
    except OSError as error:
        reason = error.strerror or error
        log.warning("%s: %s; 'edge status' cannot ask this daemon", folder / local.NAME, reason)
    return None
