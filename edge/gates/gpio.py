"""``gpio://17``: a pin of the Raspberry Pi opens the gate, through gpiozero where it is installed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from edge.core.guard import reason
from edge.core.package import install_hint
from edge.errors import ConfigError, GateError, MissingError
from edge.gates.pulses import PulsedGate


@dataclass(frozen=True, slots=True)
class GpioOptions:
    delay_ms: float = field(metadata={"min": 0.0, "max": 60_000.0})
    """From the frame to the gate."""
    pulse_ms: float = field(default=20.0, metadata={"min": 1.0, "max": 5_000.0})
    """Time that the gate stays open."""
    active: str = "high"
    """``high`` or ``low``: the level that opens the gate."""


class GpioGate(PulsedGate):
    """Opens ``delay_ms`` after the frame of a rejected part was taken, for ``pulse_ms``."""

    def __init__(self, pin: str, options: GpioOptions, *, start: bool = True) -> None:
        """``pin`` as gpiozero names it: ``17``, ``GPIO17``, ``BOARD11``; opening it switches it off. Raises
        ConfigError, GateError or MissingError."""
        if options.active not in ("high", "low"):
            raise ConfigError(f"gpio://{pin}: active: expected high or low, got {options.active!r}")
        self._pin, self._active_high = pin, options.active == "high"
        self._device: Any = _open(pin, self._active_high)
        super().__init__(options.delay_ms, options.pulse_ms, start=start)

    def _output(self, is_open: bool) -> None:
        """A pin that fails is opened anew with the next call: a library's own state may be what is broken."""
        try:
            if self._device is None:
                self._device = _open(self._pin, self._active_high)
            (self._device.on if is_open else self._device.off)()
            states = bool(self._device.value)
        except BaseException:
            self._release()
            raise
        if states != is_open:
            raise OSError(f"gpio://{self._pin}: states {_word(states)} after it was switched {_word(is_open)}")

    def _release(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(Exception):
                device.close()


def _open(pin: str, active_high: bool):  # type: ignore[no-untyped-def]  # gpiozero has no types
    try:
        import gpiozero
    except ImportError:
        raise MissingError(f"gpiozero is not installed; {install_hint('gpio')}") from None
    try:
        return gpiozero.DigitalOutputDevice(int(pin) if pin.isdecimal() else pin, active_high=active_high)
    except Exception as error:  # what lgpio and the other libraries below raise has no common base
        raise GateError(
            f"gpio://{pin}: cannot be opened ({reason(error)}); expected a free pin of this board"
        ) from None


def _word(is_open: bool) -> str:
    return "on" if is_open else "off"
