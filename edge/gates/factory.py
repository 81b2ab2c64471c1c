"""From a URI to a gate: the one table of kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge.core.structs import nearest
from edge.core.uri_options import parse
from edge.errors import ConfigError
from edge.gates.gate import Gate, NoGate

if TYPE_CHECKING:
    from edge.gates.controller.port import Port
    from edge.gates.controller.protocol import ControllerConfig
    from edge.gates.options import GateConfig


@dataclass(frozen=True, slots=True)
class SerialOptions:
    baud: int = field(default=115_200, metadata={"min": 1200, "max": 4_000_000})


def open_gate(config: GateConfig, cameras: int = 1, *, start: bool = True) -> Gate:
    """The gate that ``[gate]`` names; ``cameras`` is how many judge each part. It begins by driving its output off;
    without ``start`` it only shows that the settings are right, and must be closed.

    Raises ConfigError for an unknown kind or option, MissingError when a package is not installed, and GateError for
    a pin that cannot be had. A controller or PLC that is not there yet is no error: it is waited for.
    """
    if config.uri == "none":
        return NoGate()
    scheme, mark, rest = config.uri.partition("://")
    if not mark or scheme not in KINDS:
        known = ["none", *(f"{kind}://" for kind in KINDS)]
        raise ConfigError(f"gate {config.uri!r}: no such kind; {nearest(config.uri, known)}")
    place, _, query = rest.partition("?")
    return KINDS[scheme](place, query, config, cameras, start)


def _sim(place: str, query: str, config: GateConfig, cameras: int, start: bool) -> Gate:
    from edge.gates.sim import SimulatedGate, SimulatedOptions

    if place:
        raise ConfigError(f"gate {config.uri!r}: expected sim:// or sim://?delay_ms=MS")
    return SimulatedGate(parse(SimulatedOptions, query, config.uri))


def _serial(place: str, query: str, config: GateConfig, cameras: int, start: bool) -> Gate:
    from edge.gates.controller.controller import SerialGate

    return SerialGate(
        serial_port(config.uri),
        line_settings(config),
        tolerance_ms=config.tolerance_ms,
        delay_ms=config.delay_ms,
        cameras=cameras,
        start=start,
    )


def _gpio(place: str, query: str, config: GateConfig, cameras: int, start: bool) -> Gate:
    from edge.gates.gpio import GpioGate, GpioOptions

    return GpioGate(place, parse(GpioOptions, query, config.uri), start=start)


def _modbus(place: str, query: str, config: GateConfig, cameras: int, start: bool) -> Gate:
    from edge.gates.modbus.coil import ModbusOptions, modbus_gate

    return modbus_gate(place, parse(ModbusOptions, query, config.uri), start=start)


KINDS: dict[str, Callable[[str, str, GateConfig, int, bool], Gate]] = {
    "sim": _sim,
    "serial": _serial,
    "gpio": _gpio,
    "modbus": _modbus,
}


def serial_port(uri: str) -> Port:
    """Port of ``serial:///dev/ttyACM0?baud=115200``, not opened yet. Raises ConfigError."""
    from edge.gates.controller.port import Port

    place, _, query = uri.removeprefix("serial://").partition("?")
    if not uri.startswith("serial:///"):
        raise ConfigError(f"gate {uri!r}: expected serial:///dev/NAME, the path of the controller's port")
    return Port(place, parse(SerialOptions, query, uri).baud)


def line_settings(config: GateConfig) -> ControllerConfig:
    """Settings of the line for the controller. Raises ConfigError without a distance."""
    from edge.gates.controller.protocol import Action, ControllerConfig

    if not config.distance:
        raise ConfigError(
            "gate.distance: a line controller needs the encoder ticks from photo-eye to gate; "
            "`edge gate calibrate` measures them"
        )
    actions = {"pass": Action.PASS, "reject": Action.REJECT}
    return ControllerConfig(
        session=0,
        distance=config.distance,
        pulse=config.pulse,
        eye_gap=config.eye_gap,
        eye_blocked=config.eye_blocked,
        silence_ms=config.silence_ms,
        feedback_ms=config.feedback_ms,
        late=actions[config.late],
        failsafe=actions[config.failsafe],
    )
