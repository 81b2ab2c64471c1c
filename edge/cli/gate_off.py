"""``edge gate off``: the output is driven off by hand, by the daemon where one runs."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from edge.core.clock import local_time
from edge.errors import ConfigError, GateError

if TYPE_CHECKING:
    from edge.device.config import Config
    from edge.device.status.control import GateOffAnswer


def gate_off(args: argparse.Namespace) -> int:
    """Status 0 when the gate is known to be off. Raises GateError when it is not, StateError for a daemon that does
    not answer, ConfigError for a gate that has no output of its own."""
    from edge.device.config import load_config
    from edge.device.status import NotRunningError
    from edge.device.status.control import ask_off

    config = load_config(args.config)
    _check(config)
    try:
        answer, who = ask_off(config.device.state), "the running daemon"
    except NotRunningError:
        answer, who = _drive_off(config), "edge gate off"
    if not answer.off:
        raise GateError(f"{config.gate.uri}: {_why(answer)}; shut off its air, and look at it")
    said = {"off": True, "by": who}
    sys.stdout.write((json.dumps(said) if args.json else f"{config.gate.uri} is off, driven by {who}") + "\n")
    return 0


def _check(config: Config) -> None:
    from edge.gates import open_gate

    uri = config.gate.uri
    if uri == "none":
        raise ConfigError("gate.uri: 'none' has nothing to switch off; see edge/gates/README.md")
    if uri.startswith("modbus:"):
        from edge.gates.modbus.register import RegisterGate

        gate = open_gate(config.gate, start=False)
        gate.close()
        if isinstance(gate, RegisterGate):
            raise ConfigError(
                f"gate.uri: {uri!r} has no output of its own: the PLC times the gate; switch it off there"
            )


def _drive_off(config: Config) -> GateOffAnswer:
    """Opens the gate itself; no daemon can start meanwhile."""
    from edge.device.buffer.lock import locked
    from edge.device.status.control import GateOffAnswer, drive_off
    from edge.gates import open_gate

    with locked(config.device.state):
        gate = open_gate(config.gate, len(config.source))
        try:
            answer = drive_off(gate)
        finally:
            gate.close()
    condition = gate.condition()
    return (
        answer if answer.off else GateOffAnswer(False, condition.problem or answer.problem, condition.open_since_ns)
    )


def _why(answer: GateOffAnswer) -> str:
    since = f"MAY BE OPEN since {local_time(answer.open_since_ns)}" if answer.open_since_ns else "MAY BE OPEN"
    return f"{since}: no off was confirmed ({answer.problem or 'no answer'})"
