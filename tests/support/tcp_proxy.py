"""A cable that breaks: a TCP proxy on the loopback interface that cuts a connection after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: the other side hears of it by a reset, as from a router that was pulled."""


class CuttingProxy:
    """Forwards to ``goal``, a port of this machine. A connection is cut once ``after`` bytes went to the goal: the
    first that gets so far, or, with ``for_good``, it and all later ones. ``back``: bytes from the goal count.
    """

    def __init__(self, goal: int, after: int, *, for_good: bool = False, back: bool = False) -> None:
        self._goal, self._after, self._for_good, self._back = goal, after, for_good, back
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.carried = 0
        """Bytes that counted, over all connections."""
        self.cuts = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def cut(self) -> None:
        """All connections that are open, now; later ones are let through."""
        self.cuts += 1
        for end in self._open:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._for_good and self.cuts:
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._goal))
                self._open += [near, far]
                for source, to, counted in ((near, far, not self._back), (far, near, self._back)):
                    threading.Thread(target=self._carry, args=(source, to, counted), daemon=True).start()

    def _carry(self, source: socket.socket, to: socket.socket, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                if counted and self._is_over(passed + len(data)):
                    self.cuts += 1
                    for end in (source, to):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                        end.shutdown(socket.SHUT_RDWR)
                    return
                to.sendall(data)
                passed += len(data)
                self.carried += len(data) * counted
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _is_over(self, passed: int) -> bool:
        return passed > self._after and (self._for_good or not self.cuts)
