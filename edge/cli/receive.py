"""``edge slots offer`` and ``edge slots receive``: the device's end of ``edge flash``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge.cli.options import Subparsers


def add(kinds: Subparsers) -> None:
    """Registers both below ``edge slots``."""
    offer = _add(
        kinds,
        "offer",
        "what this device is, what it runs, and what it would take, as one JSON object",
        "-c edge.toml",
    )
    offer.add_argument("--sha256", default="", metavar="HEX", help="of an artifact, to say how much of it is here")
    offer.add_argument("--size", type=int, default=0, metavar="N", help="its bytes")
    offer.set_defaults(run=run_offer)
    receive = _add(
        kinds,
        "receive",
        "take the missing end of an artifact from standard input, say how much is here, check its SHA-256",
        "-c edge.toml --sha256 HEX --size N < REST",
    )
    receive.add_argument("--sha256", required=True, metavar="HEX", help="of the whole artifact")
    receive.add_argument("--size", type=int, required=True, metavar="N", help="its bytes")
    receive.set_defaults(run=run_receive)


def _add(kinds: Subparsers, name: str, text: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}. 'edge flash' calls it.",
        epilog=f"Example: edge slots {name} {example}",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the configuration (TOML)")
    return parser


def run_offer(args: argparse.Namespace) -> int:
    """Raises ConfigError or StateError."""
    from edge.core.structs import plain
    from edge.device.config import load_config
    from edge.device.slots.inventory import inventory_of

    _say(plain(inventory_of(load_config(args.config), args.sha256, args.size)))
    return 0


def run_receive(args: argparse.Namespace) -> int:
    """Raises ConfigError or StateError; says before whether what arrived was damaged."""
    from edge.device.config import load_config
    from edge.device.slots import FOLDER, Slots
    from edge.device.slots.incoming import DamagedError, IncomingArtifact, sweep
    from edge.device.slots.inventory import held_file

    slots = Slots(load_config(args.config).device.state / FOLDER)
    incoming = IncomingArtifact(slots.incoming, args.sha256, args.size)
    sweep(slots.incoming, args.sha256)
    held = held_file(slots, args.sha256)
    if held is not None:
        _say({"have": args.size, "path": str(held)})
        return 0
    try:
        with open(0, "rb", buffering=0, closefd=False) as stream:
            incoming.take(stream, lambda have: _say({"have": have}))
    except DamagedError:
        _say({"damaged": True})
        raise
    _say({"path": str(incoming.path)})
    return 0


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
