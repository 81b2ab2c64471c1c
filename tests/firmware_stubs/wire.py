"""A serial cable that can be disturbed: a pty for the Raspberry Pi's side, a socket for the controller's."""

from __future__ import annotations

import os
import pty
import random
import select
import socket
import threading
import time
import tty
from collections import deque
from contextlib import suppress
from typing import Literal

Disturbance = Literal["drop", "flip", "duplicate", "stall"]
STALL_S = 0.05


class Wire:
    """``path`` is what pyserial opens. Each call of :meth:`disturb` hits the next bytes that pass, whichever way."""

    def __init__(self, controller: socket.socket, seed: int) -> None:
        self.disturbed: dict[str, int] = {}
        self._random = random.Random(seed)
        self._controller = controller
        self._controller.setblocking(True)
        self._master, self._slave = pty.openpty()  # the slave stays open, so that the other side may come and go
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._wanted: deque[Disturbance] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def disturb(self, kind: Disturbance) -> None:
        self._wanted.append(kind)

    def noise(self, data: bytes) -> None:
        """Bytes that nobody sent, to both sides."""
        os.write(self._master, data)
        self._controller.sendall(data)

    def close(self) -> None:
        self._closed = True
        self._thread.join(5)
        os.close(self._master)
        os.close(self._slave)

    def _run(self) -> None:
        with suppress(OSError):  # the controller is gone
            while not self._closed:
                ready, _, _ = select.select([self._master, self._controller], [], [], 0.1)
                if self._master in ready:
                    self._controller.sendall(self._pass(os.read(self._master, 4096)))
                if self._controller in ready:
                    os.write(self._master, self._pass(self._controller.recv(4096)))

    def _pass(self, data: bytes) -> bytes:
        if not self._wanted:
            return data
        kind = self._wanted.popleft()
        self.disturbed[kind] = self.disturbed.get(kind, 0) + 1
        at = self._random.randrange(len(data))
        if kind == "drop":
            return data[:at] + data[at + self._random.randint(1, 3) :]
        if kind == "flip":
            return data[:at] + bytes((data[at] ^ 1 << self._random.randrange(8),)) + data[at + 1 :]
        if kind == "stall":
            time.sleep(STALL_S)
            return data
        first = data.index(0) + 1 if 0 in data else len(data)
        return data[:first] + data[:first] + data[first:]
