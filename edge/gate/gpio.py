"""``gpio://17``: a pin of the Raspberry Pi opens the gate, through gpiozero where it is installed."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.errors import ConfigError, GateError, MissingError
from edge.gate.pulses import PulsedGate


@dataclass(frozen=True, slots=True)
class GpioOptions:
    delay_ms: float = field(metadata={"least": 0.0, "most": 60_000.0})
    """From the frame to the gate."""
    pulse_ms: float = field(default=20.0, metadata={"least": 1.0, "most": 5_000.0})
    """How long the gate stays open."""
    active: str = "high"
    """``high`` or ``low``: the level that opens the gate."""


class GpioGate(PulsedGate):
    """Opens ``delay_ms`` after the frame of a rejected part was taken, for ``pulse_ms``."""

    def __init__(self, pin: str, options: GpioOptions) -> None:
        """``pin`` as gpiozero names it: ``17``, ``GPIO17``, ``BOARD11``. Raises ConfigError, GateError or
        MissingError."""
        if options.active not in ("high", "low"):
            raise ConfigError(f"gpio://{pin}: active: expected high or low, got {options.active!r}")
        self._device = _open(pin, options.active == "high")
        super().__init__(options.delay_ms, options.pulse_ms)

    def _output(self, is_open: bool) -> None:
        (self._device.on if is_open else self._device.off)()

    def _release(self) -> None:
        self._device.close()


def _open(pin: str, active_high: bool):  # type: ignore[no-untyped-def]  # gpiozero has no types
    try:
        import gpiozero
    except ImportError:
        raise MissingError("gpiozero is not installed; pip install 'edge-sdk[gpio]'") from None
    try:
        return gpiozero.DigitalOutputDevice(int(pin) if pin.isdecimal() else pin, active_high=active_high)
    except (gpiozero.GPIOZeroError, OSError, ValueError) as error:
        raise GateError(f"gpio://{pin}: cannot be opened ({error}); expected a free pin of this board") from None
