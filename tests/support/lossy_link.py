"""A bad network between two hosts: two network namespaces, and this program between them as the cable.

The packets are the kernel's own (TUN devices); some are lost, the others late. ``tc netem`` does the same where the
kernel has it, which not every one has.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Sequence

NEAR, FAR = "10.7.0.1", "10.7.0.2"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 2048


def open_tun(here: str, there: str) -> int:
    """A network card in this process's namespace, whose cable is the returned handle. Raises OSError."""
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH22x", b"cable", _IFF_TUN | _IFF_NO_PI))
    for command in (f"addr add {here} peer {there} dev cable", "link set cable up", "link set lo up"):
        subprocess.run(["ip", *command.split()], check=True)
    return handle


class FarHost:
    """Runs a program in a network namespace of its own; ``cable`` is the handle of its network card."""

    def __init__(self, command: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(command, theirs)
        theirs.close()
        _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
        self.cable = array.array("i", ancillary[0][2])[0]
        ours.close()

    def wait(self) -> int:
        """Its exit status."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @staticmethod
    def _become(command: Sequence[str], link: socket.socket) -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            cable = open_tun(FAR, NEAR)
            link.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [cable]))])
            os.execvp(command[0], list(command))
        finally:
            os._exit(1)


class Cable:
    """Carries packets between two cards in a thread, until ``stop``."""

    def __init__(self, near: int, far: int, *, loss: float, delay_s: float, jitter_s: float) -> None:
        self.carried = self.lost = 0
        self._ends = {near: far, far: near}
        self._loss, self._delay_s, self._jitter_s = loss, delay_s, jitter_s
        self._late: list[tuple[float, int, int, bytes]] = []
        self._chance = random.Random(1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait_s = min(0.1, max(0.0, self._late[0][0] - time.monotonic())) if self._late else 0.1
            for end in select.select(list(self._ends), [], [], wait_s)[0]:
                self._take(end)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(self._late)
                os.write(end, packet)

    def _take(self, end: int) -> None:
        packet = os.read(end, _MTU)
        if self._chance.random() < self._loss:
            self.lost += 1
            return
        self.carried += 1
        at = time.monotonic() + self._delay_s + self._chance.uniform(0.0, self._jitter_s)
        heapq.heappush(self._late, (at, self.carried, self._ends[end], packet))
