"""A PLC over real sockets or a real pty, which keeps the truth of its coils and registers and fails as it is told."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import struct
import threading
import time
import tty
from collections import defaultdict
from collections.abc import Callable

from pymodbus.framer.rtu import FramerRTU

LATE_S = 0.3
"""After the gate's time-out, which the tests set to 0.2 s."""


class FaultyPlc:
    """Functions 3, 5, 6 and 16. ``faults`` are taken from the front, one for each request; then all is well:

    ``lost``: not done, no answer; ``unanswered``: done, no answer; ``late``: done, answered after the time-out;
    ``wrong``: the answer states the other value; ``cut``: done, the connection breaks; ``restart``: the same, with
    all coils off.
    """

    def __init__(self) -> None:
        self.coils: defaultdict[int, bool] = defaultdict(bool)
        self.registers: defaultdict[int, int] = defaultdict(int)
        self.writes: list[tuple[float, int, bool]] = []
        """Of coils: when, address, value."""
        self.decisions: list[list[int]] = []
        self.faults: list[str] = []
        self.away_until = 0.0
        self.closed = False

    def answer(self, unit: int, pdu: bytes) -> tuple[bytes | None, bool]:
        """The answer, late ones after a while; and whether the connection holds."""
        fault = self.faults.pop(0) if self.faults else ""
        reply = self._do(pdu) if fault != "lost" else b""
        if fault == "restart":
            self.coils.clear()
        if fault == "late":
            time.sleep(LATE_S)
        if fault == "wrong":
            reply = reply[:-2] + bytes(byte ^ 0xFF for byte in reply[-2:-1]) + reply[-1:]
        return (None if fault in ("lost", "unanswered", "cut", "restart") else reply), fault not in ("cut", "restart")

    def _do(self, pdu: bytes) -> bytes:
        function, address, value = struct.unpack(">BHH", pdu[:5])
        if function == 5:
            self.coils[address] = value != 0
            self.writes.append((time.monotonic(), address, value != 0))
        elif function == 6:
            self.registers[address] = value
        elif function == 16:
            values = list(struct.unpack(f">{value}H", pdu[6:]))
            self.registers.update(enumerate(values, address))
            self.decisions.append(values)
        else:
            values = [self.registers[at] for at in range(address, address + value)]
            return struct.pack(f">BB{value}H", 3, 2 * value, *values)
        return pdu[:5]


class TcpPlc(FaultyPlc):
    """On a port of this machine."""

    def __init__(self) -> None:
        super().__init__()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def go_away(self, seconds: float) -> None:
        """Breaks all connections and takes none for so long."""
        self.away_until = time.monotonic() + seconds
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.go_away(1e9)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while time.monotonic() >= self.away_until:
                head = connection.recv(7, socket.MSG_WAITALL)
                if len(head) < 7 or time.monotonic() < self.away_until:
                    return
                number, _, length, unit = struct.unpack(">HHHB", head)
                reply, holds = self.answer(unit, connection.recv(length - 1, socket.MSG_WAITALL))
                if reply is not None:
                    connection.sendall(struct.pack(">HHHB", number, 0, len(reply) + 1, unit) + reply)
                if not holds:
                    return


class RtuPlc(FaultyPlc):
    """On a pty, in the place of an RS-485 line."""

    def __init__(self) -> None:
        super().__init__()
        self._line, self._far = pty.openpty()
        tty.setraw(self._far)
        self.place = os.ttyname(self._far)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        os.close(self._far)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                frame = self._read(8)
                if frame[1] == 16:
                    frame += self._read(frame[6] + 1)
                reply, _ = self.answer(frame[0], frame[1:-2])
                if reply is not None:
                    os.write(self._line, _with_crc(frame[:1] + reply))

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += os.read(self._line, count - len(data))
        return data


def _with_crc(data: bytes) -> bytes:
    return data + FramerRTU.compute_CRC(data).to_bytes(2, "big")


def wait_for(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """An AssertionError when it does not come true."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "did not come true in time"
        time.sleep(0.002)
