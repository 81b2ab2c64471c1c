"""A listening socket with a thread, made so that no caller can cost the line anything worth naming."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable

from edge.core.guard import GuardedThread

log = logging.getLogger(__name__)

WORKERS = 4
"""Connections at once; further ones are closed unanswered."""
PAUSE_S = 0.01
"""After each connection: at most a hundred are accepted a second, whoever asks."""


class Listener:
    """Hands each connection to ``answer``, in a short-lived thread, and closes it afterwards.

    ``answer`` must end by itself: it sets the time-outs. What goes wrong in it is the caller's loss.
    """

    def __init__(self, listener: socket.socket, answer: Callable[[socket.socket], None], name: str) -> None:
        self._listener, self._answer, self._name = listener, answer, name
        self._free = threading.BoundedSemaphore(WORKERS)
        self._closing = False
        self._thread = GuardedThread(self._run, name)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """No new callers; those inside are let go on for as long as ``answer`` takes, by threads that end with us."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        self._listener.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if not self._closing:
                    time.sleep(10 * PAUSE_S)  # no handle free, or the caller has gone already
                continue
            self._let_in(connection)
            time.sleep(PAUSE_S)

    def _let_in(self, connection: socket.socket) -> None:
        if not self._free.acquire(blocking=False):
            connection.close()
            return
        try:
            GuardedThread(self._serve, self._name, args=(connection,), again=False).start()
        except RuntimeError:  # no further thread
            connection.close()
            self._free.release()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._answer(connection)
        except OSError as error:
            log.debug("%s: %s", self._name, error)
        except Exception:
            log.exception("%s: a request could not be answered", self._name)
        finally:
            self._free.release()
