"""The serial line itself: opened by pyserial, then read and written without ever waiting."""

from __future__ import annotations

import os
import termios
from typing import Any

from edge.errors import GateError

BAUD = 115_200
_READ = 4096


class Port:
    """``/dev/ttyACM0`` and the like; closed at first."""

    def __init__(self, device: str, baud: int = BAUD) -> None:
        self.device, self._baud = device, baud
        self._serial: Any = None
        self.fd = -1
        """The open file; -1 while closed."""

    def open(self) -> None:
        """Raises GateError when it is not there, not allowed, or used by another process."""
        import serial  # here: the device must not pay for it without such a gate

        try:
            self._serial = serial.Serial(self.device, self._baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise GateError(f"{self.device}: {_reason(error)}") from None
        self.fd = self._serial.fd
        # pyserial's VMIN of 0 would make "nothing yet" look like "gone".
        modes = termios.tcgetattr(self.fd)
        modes[6][termios.VMIN] = 1
        termios.tcsetattr(self.fd, termios.TCSANOW, modes)

    @property
    def is_open(self) -> bool:
        return self.fd >= 0

    def read(self) -> bytes:
        """Bytes that have arrived; raises OSError when the device is gone."""
        try:
            data = os.read(self.fd, _READ)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("the device is gone")
        return data

    def write(self, data: bytes | bytearray) -> int:
        """Bytes that found room; raises OSError when the device is gone."""
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Any number of times."""
        if self._serial is not None:
            self._serial.close()
            self._serial, self.fd = None, -1


def _reason(error: Exception) -> str:
    text = str(error)
    if "lock" in text:
        return "used by another process; stop the daemon, or name another port"
    if isinstance(error, PermissionError) or "Permission" in text:
        return "not allowed; add this user to the group dialout"
    if isinstance(error, FileNotFoundError) or "No such file" in text:
        return "no such device; is the controller plugged in?"
    return f"cannot be opened ({text})"
