"""``edge simulate --devices``: a fleet that talks to a broker as real devices would."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.options import add_broker_options, broker_options
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.sim.fleet import PublishCounts, Sent, SimulatedFleet
    from edge.sim.fleet.publish import FleetPublisher

SIZES = {
    "devices": "how many; d00000 and on",
    "sites": "that the devices are spread over",
    "lines": "at each site",
    "samples": "parts in a drift window",
    "pool": "different windows that undisturbed devices share; 0: each window is a new one, which is slow",
    "seed": "everything random follows from it",
}
WINDOW = 100
"""Messages that a connection has not acknowledged yet."""
HOSTILE = ("repeated", "late", "replayed", "malformed", "lying")


def add_options(parser: argparse.ArgumentParser) -> None:
    """On ``edge simulate`` itself."""
    fleet = parser.add_argument_group("a fleet, instead of images")
    fleet.add_argument(
        "--broker", metavar="URI", help="mqtt://host[:1883] or mqtts://, where the fleet sends; or file:///path.jsonl"
    )
    for name, help_ in SIZES.items():
        fleet.add_argument(f"--{name}", type=int, metavar="N", help=help_)
    fleet.add_argument("--interval", type=float, metavar="S", help="from window to window of a device; default: 60")
    fleet.add_argument("--duration", type=float, metavar="S", help="of the fleet's time; by default until Ctrl-C")
    fleet.add_argument("--speed", type=float, default=1.0, help="of the fleet's time; 0: as fast as the broker goes")
    fleet.add_argument("--script", type=Path, metavar="FILE", help="what happens to which devices (TOML)")
    fleet.add_argument(
        "--truth", type=Path, metavar="FILE", help="write what is wrong with which device (JSON lines)"
    )
    fleet.add_argument("--connections", type=int, default=4, metavar="N", help="shared by the devices; default: 4")
    fleet.add_argument("--root", default="edge", help="first levels of every topic; default: edge")
    fleet.add_argument(
        "--hostile", action="append", default=[], metavar="KIND=SHARE", help=f"of the messages: {', '.join(HOSTILE)}"
    )
    fleet.add_argument("--json", action="store_true", help="print the closing counts as one JSON object")
    add_broker_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 7 when the broker is not there or stays away. Raises ConfigError for the options."""
    from edge.core.structs import build
    from edge.protocol.factory import open_transport
    from edge.protocol.topics import check_root
    from edge.sim.fleet import FleetPublisher, Hostility, SimulatedFleet, load_script

    if args.devices is None or not args.broker:
        raise ConfigError("simulate: expected 'images OUT --count N', or a fleet: --devices N --broker mqtt://host")
    if args.connections < 1 or args.speed < 0 or (args.duration is not None and args.duration < 0):
        raise ConfigError("simulate: --connections from 1 on, --speed and --duration from 0 on are expected")
    hostility = build(Hostility, dict(map(_share, args.hostile)), "--hostile")
    script = load_script(args.script) if args.script else ()
    options = _options(args, check_root(args.root))
    security = broker_options(args)
    transports = [open_transport(args.broker, window=WINDOW, **security) for _ in range(args.connections)]
    _say(f"{options.devices} devices: drawing the parts they see …")
    fleet = SimulatedFleet(options, script)
    if args.truth:
        _write_truth(fleet, args.truth)
    until_s = math.inf if args.duration is None else args.duration
    publisher = FleetPublisher(transports)
    messages = _until_signal(hostility.disturb(fleet.messages(until_s), options.seed), fleet)
    try:
        _report(_run(publisher, messages, args.speed), args.json)
    finally:
        publisher.close()
    return 0


def _options(args: argparse.Namespace, root: str) -> Any:
    from edge.core.structs import build
    from edge.sim.fleet import FleetOptions

    given = {name: value for name in SIZES if (value := getattr(args, name)) is not None}
    if args.interval is not None:
        given["interval_s"] = args.interval
    return build(FleetOptions, {**given, "root": root}, "simulate")


def _share(text: str) -> tuple[str, Any]:
    name, _, share = text.partition("=")
    try:
        return name, float(share)
    except ValueError:
        raise ConfigError(f"--hostile: expected KIND=SHARE such as repeated=0.01, got {text!r:.60}") from None


def _until_signal(messages: Iterator[Sent], fleet: SimulatedFleet) -> Iterator[Sent]:
    """At Ctrl-C, SIGTERM or the end the devices say that they go."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(1))
    for sent in messages:
        if stopped:
            break
        yield sent
    yield from fleet.farewell()


def _run(publisher: FleetPublisher, messages: Iterator[Sent], speed: float) -> PublishCounts:
    said = time.monotonic()

    def watch(at_s: float) -> None:
        nonlocal said
        if time.monotonic() - said >= 2.0:
            said = time.monotonic()
            counts = publisher.counts
            _say(f"{at_s:.0f} s: {counts.sent} messages sent, {counts.late_s:.1f} s late at most")

    return publisher.run(messages, speed, watch)


def _write_truth(fleet: SimulatedFleet, path: Path) -> None:
    from edge.core.structs import plain
    from edge.errors import StateError

    lines = (json.dumps(plain(truth)) + "\n" for truth in fleet.truth())
    try:
        path.write_text("".join(lines), "utf-8")
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror}); name another file for --truth") from None


def _report(counts: PublishCounts, as_json: bool) -> None:
    from edge.core.structs import plain

    if as_json:
        sys.stdout.write(json.dumps(plain(counts)) + "\n")
        return
    sys.stdout.write(
        f"sent {counts.sent}, acknowledged {counts.acknowledged} ({counts.unheard} of them with no subscriber), "
        f"refused {counts.refused}; at most {counts.late_s:.1f} s late\n"
    )


def _say(line: str) -> None:
    sys.stderr.write(f"edge: {line}\n")
