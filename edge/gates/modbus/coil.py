"""``modbus://``: a PLC owns the gate, or its output module is the gate. Modbus TCP or RTU, through pymodbus."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.errors import ConfigError
from edge.gates.modbus.device import Device, open_device
from edge.gates.modbus.register import RegisterGate
from edge.gates.pulses import PulsedGate


@dataclass(frozen=True, slots=True)
class ModbusOptions:
    register: int | None = field(default=None, metadata={"min": 0, "max": 65_532})
    """First of four holding registers that get each decision, for a PLC that times the gate itself."""
    coil: int | None = field(default=None, metadata={"min": 0, "max": 65_535})
    """A coil that is on while the gate shall be open."""
    delay_ms: float = field(default=0.0, metadata={"min": 0.0, "max": 60_000.0})
    """With ``coil``: from the frame to the gate."""
    pulse_ms: float = field(default=20.0, metadata={"min": 1.0, "max": 5_000.0})
    """With ``coil``: how long the gate stays open."""
    pulse: str = "edge"
    """With ``coil``: who ends a pulse, ``edge`` or the ``plc``, which then resets the coil itself."""
    watchdog: int | None = field(default=None, metadata={"min": 0, "max": 65_535})
    """With ``coil``: a holding register that changes twice a second while all is well."""
    unit: int = field(default=1, metadata={"min": 0, "max": 255})
    """Address of the device on the bus; 0, the broadcast, is refused."""
    baud: int = field(default=19_200, metadata={"min": 300, "max": 1_000_000})
    """For RTU."""


class CoilGate(PulsedGate):
    """The coil is on for ``pulse_ms``, ``delay_ms`` after the frame of a rejected part was taken."""

    def __init__(self, device: Device, options: ModbusOptions, *, start: bool = True) -> None:
        self._device, self._coil, self._watchdog = device, options.coil, options.watchdog
        self._beats = 0
        super().__init__(
            options.delay_ms,
            options.pulse_ms,
            beat=self._beat if options.watchdog is not None else None,
            self_closing=options.pulse == "plc",
            start=start,
        )

    def _output(self, is_open: bool) -> None:
        assert self._coil is not None
        self._device.write_coil(self._coil, is_open)

    def _beat(self) -> None:
        """Counts from 1 to 65,535 and on from 1: 0 is what a PLC has before the first."""
        assert self._watchdog is not None
        self._beats = self._beats % 0xFFFF + 1
        self._device.write_register(self._watchdog, self._beats)

    def _release(self) -> None:
        self._device.close()


def modbus_gate(place: str, options: ModbusOptions, *, start: bool = True) -> CoilGate | RegisterGate:
    """Raises ConfigError unless exactly one of ``coil`` and ``register`` is given, MissingError without pymodbus."""
    if (options.coil is None) == (options.register is None):
        raise ConfigError(f"modbus://{place}: expected either coil=ADDRESS or register=ADDRESS")
    if options.pulse not in ("edge", "plc"):
        raise ConfigError(f"modbus://{place}: pulse: expected edge or plc, got {options.pulse!r}")
    if options.coil is None and (options.watchdog is not None or options.pulse != "edge"):
        raise ConfigError(f"modbus://{place}: watchdog, pulse: expected with coil=; else the PLC times the gate")
    device = open_device(place, options.unit, options.baud)
    if options.register is not None:
        return RegisterGate(device, options.register, start=start)
    return CoilGate(device, options, start=start)
