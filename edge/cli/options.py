"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from edge.core.choices import Colour, Range, RuntimeChoice

if TYPE_CHECKING:
    from edge.inference.artifact.describe import Given

Subparsers = Any
"""argparse names the type of its subparsers action only privately."""


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for how the model is run, and for what a foreign one may not state itself."""
    running = parser.add_argument_group(
        "how the model is run; by default as 'edge bench --tune' found best, else with litert, 1 thread and XNNPACK"
    )
    running.add_argument("--runtime", choices=get_args(RuntimeChoice), default="auto", help="default: auto")
    running.add_argument("--threads", type=_threads, metavar="N", help="of the interpreter")
    running.add_argument("--xnnpack", action=argparse.BooleanOptionalAction, help="TFLite's fast kernels")
    running.add_argument("--delegate", metavar="LIBRARY", help="external delegate, PATH[?key=value&...]")
    foreign = parser.add_argument_group("for a foreign .tflite, what it does not state itself")
    foreign.add_argument("--labels", type=Path, metavar="FILE", help="one label a line")
    foreign.add_argument("--colour", choices=get_args(Colour), help="colour order of the input")
    foreign.add_argument("--range", choices=get_args(Range), help="what pixel values become; write --range=-1..1")


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a broker."""
    security = parser.add_argument_group("for brokers that ask")
    security.add_argument("--user", default="", metavar="NAME")
    security.add_argument("--password-file", type=Path, metavar="FILE", help="file that holds the password")
    security.add_argument("--ca", type=Path, metavar="FILE", help="CA certificates (PEM)")
    security.add_argument("--cert", type=Path, metavar="FILE", help="own certificate (PEM)")
    security.add_argument("--key", type=Path, metavar="FILE", help="own private key (PEM)")


def broker_options(args: argparse.Namespace) -> dict[str, Any]:
    """Options of a broker for :meth:`edge.protocol.broker.Broker.parse` and
    :func:`edge.protocol.factory.open_transport`."""
    return {name: getattr(args, name) for name in ("user", "password_file", "ca", "cert", "key")}


def interpreter_options(args: argparse.Namespace) -> dict[str, Any]:
    """Options for :func:`edge.inference.model.load` and :class:`edge.inference.interpreter.Wanted`. Raises
    ConfigError."""
    from edge.inference.interpreter import Delegate

    return {
        "runtime": args.runtime,
        "threads": args.threads,
        "xnnpack": args.xnnpack,
        "delegate": Delegate.parse(args.delegate) if args.delegate is not None else None,
    }


def given(args: argparse.Namespace) -> Given:
    """Facts about a foreign model from the command line."""
    from edge.inference.artifact.describe import Given

    return Given(args.labels, args.colour, args.range)


def add_state_options(parser: argparse.ArgumentParser) -> None:
    """Which daemon's: by its configuration or its state folder."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("-c", "--config", type=Path, metavar="FILE", help="the daemon's configuration (TOML)")
    where.add_argument("--state", type=Path, metavar="DIR", help="its state folder")


def state_folder(args: argparse.Namespace) -> Path:
    """Raises ConfigError."""
    from edge.device.config import load_config

    return args.state if getattr(args, "state", None) else load_config(args.config).device.state


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Adds the option for the passphrase of a private key. Never on the command line itself, which every user of the
    machine can read."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="holds the key's passphrase on its first line; default: what EDGE_KEY_PASSPHRASE holds, if anything",
    )


def allow_intermixed(parser: argparse.ArgumentParser) -> None:
    """Options may stand between positional arguments: argparse takes an empty list for the end of them otherwise."""
    plain = parser.parse_known_args

    def mixed(args: Any = None, namespace: Any = None) -> Any:
        parser.parse_known_args = plain  # type: ignore[method-assign]
        try:
            return parser.parse_known_intermixed_args(args, namespace)
        finally:
            parser.parse_known_args = mixed  # type: ignore[method-assign]

    parser.parse_known_args = mixed  # type: ignore[method-assign]


def _threads(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 64:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 64, got {text}")
    return number
