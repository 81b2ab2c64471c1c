"""``edge gate``: the line controller and its gate, by hand."""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.gate_off import gate_off
from edge.cli.options import Subparsers
from edge.errors import ConfigError, GateError

if TYPE_CHECKING:
    from edge.gates.controller.console import ControllerConsole
    from edge.gates.options import GateConfig
    from edge.inference.judgement import Judgement

_ANYWHERE = 1_000_000
"""A distance for lines that have none yet: no part gets there by itself."""
_PATIENCE_S = 5.0


def add(subparsers: Subparsers) -> None:
    """Registers the commands."""
    parser = subparsers.add_parser(
        "gate",
        help="the gate and its line controller",
        description="Ask the line controller, fire the gate once, measure its distance, put firmware on a board.",
        epilog="Example: edge gate status -c edge.toml",
    )
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    status = kinds.add_parser(
        "status",
        help="what the line controller says of itself",
        description="Firmware, uptime, counters and faults of the line controller. The daemon must not be running.",
        epilog="Example: edge gate status -c edge.toml --json",
    )
    status.set_defaults(run=show_status)
    fire = kinds.add_parser(
        "fire-test",
        help="open the gate now",
        description="Open the gate, whatever kind it is. Keep hands away. The daemon must not be running.",
        epilog="Example: edge gate fire-test -c edge.toml --count 3",
    )
    fire.add_argument("--count", type=int, default=1, metavar="N", help="how often, a second apart; default: 1")
    fire.set_defaults(run=fire_test)
    calibrate = kinds.add_parser(
        "calibrate",
        help="measure the distance from photo-eye to gate",
        description="Measure gate.distance: a part passes the photo-eye and is stopped in front of the gate.",
        epilog="Example: edge gate calibrate -c edge.toml --parts 3",
    )
    calibrate.add_argument("--parts", type=int, default=1, metavar="N", help="how many parts; default: 1")
    calibrate.set_defaults(run=calibrate_distance)
    off = kinds.add_parser(
        "off",
        help="drive the gate off",
        description="Drive the gate's output off, and see that confirmed. A running daemon is asked to do it.",
        epilog="Example: edge gate off -c edge.toml",
    )
    off.set_defaults(run=gate_off)
    for kind in (status, fire, calibrate, off):
        kind.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the edge.toml")
        kind.add_argument("--json", action="store_true", help="print one JSON object")
    flash = kinds.add_parser(
        "flash",
        help="how to put the firmware on a board",
        description="Print how the firmware is built, put on a board and wired.",
        epilog="Example: edge gate flash pico",
    )
    flash.add_argument("board", choices=("pico", "lm3s6965evb", "mps2-an385"))
    flash.set_defaults(run=show_flash)


def show_status(args: argparse.Namespace) -> int:
    """Raises GateError when no controller answers."""
    gate = _config(args)
    with _console(gate, configure=False) as console:
        status = console.status
        said = {
            "port": gate.uri,
            "firmware": status.version,
            "boots": status.boots,
            "uptime_s": status.uptime_ms // 1000,
            "tick": console.link.clock.tick,
            "ticks_per_s": round(console.link.clock.ticks_per_s),
            "round_trip_us": console.link.clock.delay_ns // 1000,
            "flags": [flag.name.lower() for flag in console.flags if flag.name],
            **{name: getattr(status, name) for name in _COUNTERS},
        }
    _say(args, said, "\n".join(f"{name:<14} {_plain(value)}" for name, value in said.items()))
    return 0


_COUNTERS = ("queue", "triggers", "fired", "passed", "late", "untracked", "lost_events", "bad_frames")


def fire_test(args: argparse.Namespace) -> int:
    """Raises GateError when the gate does not open, as far as its kind can know."""
    gate = _config(args)
    if gate.uri == "none":
        raise ConfigError("gate.uri: 'none' has nothing to fire; see edge/gates/README.md")
    if args.count < 1:
        raise ConfigError(f"--count: expected a number from 1, got {args.count}")
    fired = _fire_controller(gate, args.count) if gate.uri.startswith("serial:") else _fire(gate, args.count)
    _say(args, {"fired": fired}, f"fired {fired} times")
    return 0


def calibrate_distance(args: argparse.Namespace) -> int:
    """Raises GateError when not exactly one part passed the photo-eye."""
    if args.parts < 1:
        raise ConfigError(f"--parts: expected a number from 1, got {args.parts}")
    with _console(_config(args)) as console:
        distances = [_measure(console, number, args.parts) for number in range(1, args.parts + 1)]
    distance = statistics.median_low(distances)
    text = f"[gate]\ndistance = {distance}  # ticks; measured {', '.join(map(str, distances))}"
    _say(args, {"distance": distance, "measured": distances}, text)
    return 0


def show_flash(args: argparse.Namespace) -> int:
    from edge.gates.controller.boards import BOARDS

    sys.stdout.write(BOARDS[args.board])
    return 0


def _measure(console: ControllerConsole, number: int, parts: int) -> int:
    console.trigger_ticks()
    sys.stderr.write(
        f"part {number} of {parts}: lay it before the photo-eye, let the belt carry it on, stop it in front of the "
        "gate, then press Enter: "
    )
    sys.stderr.flush()
    if not sys.stdin.readline():
        raise GateError("no Enter came; nothing was measured")
    tick = console.tick()
    seen = console.trigger_ticks()
    if len(seen) != 1:
        raise GateError(f"{len(seen)} parts passed the photo-eye; expected exactly one, so that its way is known")
    distance = (tick - seen[0]) & 0xFFFFFFFF
    if not 0 < distance < _ANYWHERE:
        raise GateError(f"the encoder counted {distance} ticks from photo-eye to gate; is it connected?")
    return distance


def _fire_controller(gate: GateConfig, count: int) -> int:
    with _console(gate) as console:
        for number in range(count):
            if number:
                time.sleep(1.0)
            console.fire()
    return count


def _fire(gate: GateConfig, count: int) -> int:
    from edge.gates import open_gate

    opened = open_gate(gate)
    try:
        opened.drive_off(_PATIENCE_S)  # nothing is fired before that is confirmed
        for number in range(count):
            if number:
                time.sleep(1.0)
            opened.act(_reject(number))
        until = time.monotonic() + _PATIENCE_S
        while sum(opened.counters()[name] for name in ("fired", "missed")) < count and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        opened.close()
    counts = opened.counters()
    if counts["fired"] < count:
        why = ", ".join(name.removeprefix("missed_") for name in counts if name.startswith("missed_"))
        raise GateError(f"{gate.uri}: {counts['missed']} of {count} were not fired ({why})")
    return counts["fired"]


def _reject(part: int) -> Judgement:
    import numpy as np

    from edge.inference.artifact.manifest import OutputSpec
    from edge.inference.judgement import Judgement
    from edge.inference.tasks.classification import Decision

    decision = Decision("test", 0, 1.0, True, np.ones(1, np.float32), OutputSpec(1, "float32"))
    return Judgement(0, part, time.monotonic_ns(), time.time_ns(), 0, decision)


def _config(args: argparse.Namespace) -> GateConfig:
    from edge.device.config import load_config

    return load_config(args.config).gate


def _console(gate: GateConfig, configure: bool = True) -> ControllerConsole:
    from edge.gates.controller.console import ControllerConsole
    from edge.gates.factory import line_settings, serial_port

    if not gate.uri.startswith("serial:"):
        raise ConfigError(f"gate.uri: {gate.uri!r} has no line controller; expected serial:///dev/NAME")
    settings = line_settings(dataclasses.replace(gate, distance=gate.distance or _ANYWHERE))
    return ControllerConsole(serial_port(gate.uri), settings if configure else None)


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _say(args: argparse.Namespace, data: dict[str, object], text: str) -> None:
    sys.stdout.write((json.dumps(data) if args.json else text) + "\n")
