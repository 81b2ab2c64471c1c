"""A Modbus server, asked through pymodbus; every answer is compared with what was asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, NoReturn

from edge.core.guard import reason
from edge.core.package import install_hint
from edge.errors import ConfigError, MissingError
from edge.gates.gate import UnchangedError

TIMEOUT_S = 0.5
"""Longest wait for an answer, or a connection."""
REOPEN_S = 0.5
"""Pause after a connection that could not be made."""
_REFUSALS = (1, 2, 3, 6)
"""Exception codes that say that nothing was done: illegal function, address or value, busy. After the others (device
failure, acknowledge, a gateway's) it is not known what was done."""


class NotReachedError(UnchangedError):
    """Raised when there is no connection, so that nothing was asked."""


class DeviceRefusedError(UnchangedError):
    """Raised when the device answers that it has not done it."""


class Device:
    """Connected when first used, and again when it was lost. One thread at a time.

    After a request without a proper answer the link is closed: what comes late cannot be taken for the answer to the
    next one. (TCP numbers its requests, RTU does not; there, what waits is thrown away before each request, too.)
    """

    def __init__(self, place: str, unit: int, client: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """``client`` is pymodbus', or anything with its ``connect``, ``connected``, ``close`` and calls."""
        self.place, self._unit, self._client, self._clock = place, unit, client, clock
        self._next_try = 0.0

    def write_coil(self, address: int, is_on: bool) -> None:
        """Raises NotReachedError, RefusedError, or OSError when it is not known what the device did."""
        answer = self._ask("write_coil", address, is_on)
        asked = f"coil {address} {'on' if is_on else 'off'}"
        self._compare(asked, lambda: (answer.address, bool(answer.bits[0])), address, is_on)

    def write_register(self, address: int, value: int) -> None:
        """Writes one register like :meth:`write_coil`."""
        answer = self._ask("write_register", address, value)
        echo = f"register {address} {value}"
        self._compare(echo, lambda: (answer.address, answer.registers[0]), address, value)

    def write_registers(self, address: int, values: list[int]) -> None:
        """Writes registers like :meth:`write_coil`; the echo holds how many were written, not what."""
        answer = self._ask("write_registers", address, values)
        count = len(values)
        self._compare(f"{count} registers from {address}", lambda: (answer.address, answer.count), address, count)

    def read_registers(self, address: int, count: int) -> list[int]:
        """Reads registers like :meth:`write_coil`."""
        answer = self._ask("read_holding_registers", address, count=count)
        self._compare(f"{count} registers", lambda: (len(answer.registers), answer.function_code), count, 3)
        return [int(value) for value in answer.registers]

    def close(self) -> None:
        self._client.close()

    def _ask(self, call: str, *values: Any, **options: Any) -> Any:
        self._connect()
        try:
            answer = getattr(self._client, call)(*values, **options, device_id=self._unit)
        except Exception as error:  # pymodbus raises its own, OSError, struct.error and others
            self._client.close()
            raise OSError(f"modbus://{self.place}: no answer ({reason(error)})") from None
        except BaseException:
            self._client.close()
            raise
        if answer is None or answer.isError():
            self._raise_refusal(answer, values[0])
        return answer

    def _raise_refusal(self, answer: Any, address: Any) -> NoReturn:
        if getattr(answer, "exception_code", None) in _REFUSALS:
            raise DeviceRefusedError(
                f"modbus://{self.place}: refused ({answer}); is address {address} writable there?"
            )
        self._client.close()
        raise OSError(f"modbus://{self.place}: no answer that tells what was done ({answer})")

    def _compare(self, asked: str, echo: Callable[[], tuple[object, object]], *expected: object) -> None:
        """Raises OSError when the device says that it did something else than it was asked to."""
        try:
            said: object = echo()
        except (AttributeError, IndexError, TypeError) as error:
            said = reason(error)
        if said != expected:
            self._client.close()
            raise OSError(f"modbus://{self.place}: answers otherwise: asked for {asked}, got {said}")

    def _connect(self) -> None:
        if self._client.connected:
            return
        if self._clock() < self._next_try:
            raise NotReachedError(f"modbus://{self.place}: cannot be reached")
        try:
            reached = self._client.connect()
        except Exception as error:  # a name that cannot be resolved, a port that is no port
            self._wait_to_reopen()
            raise NotReachedError(f"modbus://{self.place}: cannot be reached ({reason(error)})") from None
        if not reached:
            self._wait_to_reopen()
            raise NotReachedError(f"modbus://{self.place}: cannot be reached")

    def _wait_to_reopen(self) -> None:
        self._client.close()
        self._next_try = self._clock() + REOPEN_S


def open_device(place: str, unit: int, baud: int) -> Device:
    """``place`` is ``host``, ``host:port``, or the path of a serial port; not connected yet. Raises ConfigError or
    MissingError."""
    if unit == 0:
        raise ConfigError(
            f"modbus://{place}: unit: 0 is the broadcast, which nobody answers, so no off could be confirmed; "
            "expected the device's own address, 1 to 247 (255 for a TCP device that has none)"
        )
    return Device(place, unit, _client(place, baud))


def _client(place: str, baud: int) -> Any:
    try:
        from pymodbus.client import ModbusSerialClient, ModbusTcpClient
    except ImportError:
        raise MissingError(f"pymodbus is not installed; {install_hint('modbus')}") from None
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it says each failed try; the gate says the first
    if place.startswith("/"):
        return ModbusSerialClient(place, baudrate=baud, timeout=TIMEOUT_S, retries=0)
    host, _, port = place.partition(":")
    if not host or (port and not port.isdecimal()):
        raise ConfigError(f"modbus://{place}: expected modbus://host, modbus://host:port or modbus:///dev/ttyUSB0")
    return ModbusTcpClient(host, port=int(port or 502), timeout=TIMEOUT_S, retries=0)
