"""The other side of every kind of gate, as ``edge run`` in a process of its own meets it."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from edge.errors import StateError
from tests.edge.gates.faulty_plc import RtuPlc, TcpPlc
from tests.firmware_stubs.hosted import HostedController
from tests.support.file_pins import offer
from tests.support.supervisor import decisions

COIL, PIN = 3, 17
LONG = "delay_ms=0&pulse_ms=5000"
"""Whoever looks finds it on: parts come five times a second."""


class Output:
    """``.gate`` for the configuration, ``.environment`` for the process, and whether the output is on."""

    gate = "sim://"
    settings = ""
    times_itself = True
    """Whether it goes off by itself after its pulse, whatever becomes of the daemon."""

    def __init__(self, folder: Path) -> None:
        self.environment = dict(os.environ)
        self._buffer = folder / "state" / "buffer.db"

    def is_on(self) -> bool:
        return False

    def acted(self) -> bool:
        """Whether a decision has had its effect; here: is kept."""
        with suppress(StateError, sqlite3.Error):  # the buffer is being made
            return bool(decisions(self._buffer.parent))
        return False

    def close(self) -> None:
        """Nothing runs."""


class TcpCoil(Output):
    times_itself = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.plc = self._plc()
        self.gate = f"modbus://{self.plc.place}?coil={COIL}&{LONG}"

    def _plc(self) -> TcpPlc | RtuPlc:
        return TcpPlc()

    def is_on(self) -> bool:
        return self.plc.coils[COIL]

    acted = is_on

    def close(self) -> None:
        self.plc.close()


class RtuCoil(TcpCoil):
    def _plc(self) -> RtuPlc:
        return RtuPlc()


class Registers(Output):
    """The PLC times the pulse."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.plc = TcpPlc()
        self.gate = f"modbus://{self.plc.place}?register=4"

    def acted(self) -> bool:
        return bool(self.plc.decisions)

    def close(self) -> None:
        self.plc.close()


class Pin(Output):
    times_itself = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment = offer(folder / "pins")
        self._level = folder / "pins" / f"GPIO{PIN}"
        self.gate = f"gpio://{PIN}?{LONG}"

    def is_on(self) -> bool:
        return self._level.exists() and self._level.read_text() == "1"

    acted = is_on


class Controller(Output):
    """Firmware on a pty, with a belt that moves by itself; it switches its own gate."""

    settings = 'distance = 20\npulse = 60\ntolerance_ms = 1000\nsilence_ms = 0\nlate = "pass"\nfailsafe = "pass"\n'

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._hosted = HostedController(folder / "line", "--speed", "100", "--pitch", "20")
        self.gate = self._hosted.uri
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def is_on(self) -> bool:
        gate = [line for line in self.said if line.startswith("gate")]
        return bool(gate) and gate[-1].startswith("gate open")

    def acted(self) -> bool:
        return any(line.startswith("gate open") for line in self.said)

    def close(self) -> None:
        self._hosted.do("quit")
        self._reader.join()

    def _read(self) -> None:
        for line in self._hosted.lines():
            self.said.append(line)


OUTPUTS: dict[str, type[Output]] = {
    "coil over TCP": TcpCoil,
    "coil over RTU": RtuCoil,
    "register": Registers,
    "gpio": Pin,
    "serial": Controller,
    "sim": Output,
}
