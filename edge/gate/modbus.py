"""``modbus://``: a PLC owns the gate, or its output module is the gate. Modbus TCP or RTU, through pymodbus."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from edge.errors import ConfigError, MissingError
from edge.gate.gate import Condition
from edge.gate.pulses import PulsedGate, log
from edge.gate.slack import SlackHistogram
from edge.gate.tally import Tally
from edge.judgement import Judgement

_TIMEOUT_S = 0.5
_REOPEN_S = 0.5
_STALE_S = 2.0
_MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class ModbusOptions:
    register: int | None = field(default=None, metadata={"least": 0, "most": 65_532})
    """First of four holding registers that get each decision, for a PLC that times the gate itself."""
    coil: int | None = field(default=None, metadata={"least": 0, "most": 65_535})
    """A coil that is on while the gate shall be open."""
    delay_ms: float = field(default=0.0, metadata={"least": 0.0, "most": 60_000.0})
    """With ``coil``: from the frame to the gate."""
    pulse_ms: float = field(default=20.0, metadata={"least": 1.0, "most": 5_000.0})
    """With ``coil``: how long the gate stays open."""
    unit: int = field(default=1, metadata={"least": 0, "most": 255})
    """Address of the device on the bus."""
    baud: int = field(default=19_200, metadata={"least": 300, "most": 1_000_000})
    """For RTU."""


class Device:
    """A Modbus server; connected when first used, and again when it was lost. One thread at a time."""

    def __init__(self, place: str, options: ModbusOptions) -> None:
        """``place`` is ``host``, ``host:port``, or the path of a serial port. Raises ConfigError or MissingError."""
        self.place, self._unit = place, options.unit
        self._client = _client(place, options.baud)
        self._next_try = 0.0

    def write(self, call: str, address: int, value: Any) -> None:
        """Raises OSError when the device does not confirm."""
        from pymodbus.exceptions import ModbusException

        self._connect()
        try:
            answer = getattr(self._client, call)(address, value, device_id=self._unit)
        except ModbusException as error:
            self._drop()
            raise OSError(f"modbus://{self.place}: no answer ({error})") from None
        if answer.isError():
            raise OSError(f"modbus://{self.place}: refused ({answer}); is address {address} writable there?")

    def close(self) -> None:
        self._client.close()

    def _connect(self) -> None:
        if self._client.connected:
            return
        if time.monotonic() < self._next_try or not self._client.connect():
            self._drop()
            raise OSError(f"modbus://{self.place}: cannot be reached")

    def _drop(self) -> None:
        self._client.close()
        if time.monotonic() >= self._next_try:
            self._next_try = time.monotonic() + _REOPEN_S


class CoilGate(PulsedGate):
    """The coil is on for ``pulse_ms``, ``delay_ms`` after the frame of a rejected part was taken."""

    def __init__(self, device: Device, options: ModbusOptions) -> None:
        self._device, self._coil = device, options.coil
        super().__init__(options.delay_ms, options.pulse_ms)

    def _output(self, is_open: bool) -> None:
        assert self._coil is not None
        self._device.write("write_coil", self._coil, is_open)

    def _release(self) -> None:
        self._device.close()


class RegisterGate:
    """Each decision is written at once, in one transaction of four holding registers: how many there were so far
    (high word, low word), 1 to reject or 0, and the part's number modulo 65,536. A PLC sees a new one by the count.

    ``fired`` counts rejects that the PLC confirmed to have; what the gate did, only the PLC knows.
    """

    def __init__(self, device: Device, options: ModbusOptions) -> None:
        self.slack = SlackHistogram()
        self._device, self._register = device, options.register
        self._tally = Tally()
        self._waiting: queue.Queue[tuple[Judgement, float] | None] = queue.Queue(_MOST_WAITING)
        self._count = 0
        self._closed, self._problem = False, ""
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)
        self._thread.start()

    def act(self, judgement: Judgement) -> None:
        self._tally.judged(judgement)
        if self._closed:
            self._miss(judgement, "closed")
            return
        try:
            self._waiting.put_nowait((judgement, time.monotonic()))
        except queue.Full:
            self._miss(judgement, "overrun")

    def counters(self) -> dict[str, int]:
        return self._tally.counters()

    def condition(self) -> Condition:
        return Condition(self._problem)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
        self._thread.join(5.0)
        self._device.close()

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            judgement, since = item
            self._count += 1
            if self._closed or time.monotonic() - since > _STALE_S:
                self._miss(judgement, "closed" if self._closed else "late")
            else:
                self._write(judgement)

    def _write(self, judgement: Judgement) -> None:
        reject = judgement.decision.reject
        values = [self._count >> 16 & 0xFFFF, self._count & 0xFFFF, int(reject), judgement.part & 0xFFFF]
        try:
            self._device.write("write_registers", self._register or 0, values)
        except OSError as error:
            if not self._problem:
                log.warning("gate: %s", error)
            self._problem = str(error)
            self._miss(judgement, "output")
            return
        self._problem = ""
        if reject:
            self._tally.fired()

    def _miss(self, judgement: Judgement, reason: str) -> None:
        if judgement.decision.reject:
            self._tally.missed(reason)


def modbus_gate(place: str, options: ModbusOptions) -> CoilGate | RegisterGate:
    """Raises ConfigError unless exactly one of ``coil`` and ``register`` is given, MissingError without pymodbus."""
    if (options.coil is None) == (options.register is None):
        raise ConfigError(f"modbus://{place}: expected either coil=ADDRESS or register=ADDRESS")
    device = Device(place, options)
    return RegisterGate(device, options) if options.coil is None else CoilGate(device, options)


def _client(place: str, baud: int) -> Any:
    try:
        from pymodbus.client import ModbusSerialClient, ModbusTcpClient
    except ImportError:
        raise MissingError("pymodbus is not installed; pip install 'edge-sdk[modbus]'") from None
    if place.startswith("/"):
        return ModbusSerialClient(place, baudrate=baud, timeout=_TIMEOUT_S, retries=0)
    host, _, port = place.partition(":")
    if not host or (port and not port.isdecimal()):
        raise ConfigError(f"modbus://{place}: expected modbus://host, modbus://host:port or modbus:///dev/ttyUSB0")
    return ModbusTcpClient(host, port=int(port or 502), timeout=_TIMEOUT_S, retries=0)
