"""The serial line itself: opened by pyserial, then read and written without ever waiting."""

from __future__ import annotations

import os
from typing import Any

from edge.errors import GateError

BAUD = 115_200
_READ = 4096


class Port:
    """``/dev/ttyACM0`` and the like; closed at first."""

    def __init__(self, device: str, baud: int = BAUD) -> None:
        self.device, self._baud = device, baud
        self._serial: Any = None

    def open(self) -> None:
        """Raises GateError when it is not there, not allowed, or used by another process."""
        import serial  # here: the device must not pay for it without such a gate

        try:
            self._serial = serial.Serial(self.device, self._baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise GateError(f"{self.device}: {_reason(error)}") from None

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def fileno(self) -> int:
        return int(self._serial.fd)

    def read(self) -> bytes:
        """What has arrived; raises OSError when the device is gone."""
        try:
            data = os.read(self.fileno(), _READ)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("the device is gone")
        return data

    def write(self, data: bytes | bytearray) -> int:
        """Bytes that found room; raises OSError when the device is gone."""
        try:
            return os.write(self.fileno(), data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Any number of times."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None


def _reason(error: Exception) -> str:
    text = str(error)
    if "lock" in text:
        return "used by another process; stop the daemon, or name another port"
    if isinstance(error, PermissionError) or "Permission" in text:
        return "not allowed; add this user to the group dialout"
    if isinstance(error, FileNotFoundError) or "No such file" in text:
        return "no such device; is the controller plugged in?"
    return f"cannot be opened ({text})"
