"""``edge flash``: from an artifact to many devices."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.options import Subparsers, allow_intermixed

if TYPE_CHECKING:
    from edge.fleet import Bundle, DeployResult, Inspection, MqttOptions, Options, Tell
    from edge.fleet.deploy import Deployment

_DEVICE_CONFIG = "/etc/edge/edge.toml"


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "flash",
        help="bring an artifact to devices, and wait until they have tried it",
        description="Send an artifact to devices over SSH or MQTT, or put it into the root folder of an SD card. "
        "Every device is looked at before anything is sent, tries the model by itself, and goes back to its old one "
        "when the trial fails.",
        epilog="Example: edge flash cookie.tflite pi@line-1 pi@line-2",
    )
    parser.add_argument("artifact", metavar="ARTIFACT", help="the .tflite; with --check it may be left out")
    parser.add_argument(
        "target", nargs="*", metavar="TARGET", help="[user@]host, ssh://user@host:port, dir:///root or mqtt://broker"
    )
    parser.add_argument("--targets", type=Path, metavar="FILE", help="more targets, one a line")
    parser.add_argument("--check", action="store_true", help="only look: what runs where, and could it be flashed")
    parser.add_argument("--parallel", type=_parallel, default=10, metavar="N", help="targets at once; default: 10")
    parser.add_argument("--timeout", type=_seconds, default=600.0, metavar="S", help="for each target; default: 600")
    parser.add_argument("--json", action="store_true", help="print one JSON object a device, as each of them ends")
    _add_device(parser)
    _add_ssh(parser)
    _add_folder(parser)
    _add_mqtt(parser)
    allow_intermixed(parser)
    parser.set_defaults(run=run)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        default=_DEVICE_CONFIG,
        metavar="PATH",
        help=f"the device's configuration, there; default: {_DEVICE_CONFIG}",
    )


def _add_ssh(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("over SSH")
    group.add_argument("--edge", default="edge", metavar="WORDS", help="the command on the device; default: edge")
    group.add_argument("-F", dest="ssh_config", type=Path, metavar="FILE", help="in place of ~/.ssh/config")
    group.add_argument(
        "--ssh-option", action="append", default=[], metavar="KEY=VALUE", help="for ssh, as in its configuration"
    )


def _add_folder(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("into a root folder, for the first boot")
    group.add_argument(
        "--trust",
        action="append",
        type=Path,
        default=[],
        metavar="PUB",
        help="public key that the device is to trust",
    )
    group.add_argument(
        "--config-file", type=Path, metavar="FILE", help="the device's configuration, where the folder has none yet"
    )


def _add_mqtt(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("over MQTT, with mqtt://broker or mqtts://broker")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--devices", metavar="ID,ID", help="these devices")
    which.add_argument("--group", metavar="NAME", help="all that have it in device.groups")
    which.add_argument("--all", action="store_true", dest="everyone", help="all that the broker knows of")
    group.add_argument(
        "--stages",
        default="1,10%,100%",
        metavar="STAGES",
        help="how many devices have it at the end of each stage, a number or a share; default: 1,10%%,100%%",
    )
    group.add_argument("--max-failures", type=int, default=0, metavar="N", help="more end the roll-out; default: 0")
    group.add_argument("--url", default="", help="where devices fetch it; default: in parts from the broker")
    group.add_argument("--root", default="edge", help="first level of every topic; default: edge")
    group.add_argument("--user", default="", help="for brokers that ask")
    group.add_argument("--password-file", type=Path, metavar="FILE", help="holds the user's password")
    group.add_argument("--ca", type=Path, metavar="PEM", help="authorities for the broker's certificate")
    group.add_argument("--cert", type=Path, metavar="PEM", help="your certificate")
    group.add_argument("--key", type=Path, metavar="PEM", help="its private key")


def run(args: argparse.Namespace) -> int:
    """Status 11 when a target failed. Raises ConfigError, ArtifactError or MissingError before anything is sent."""
    from edge.fleet import Bundle, open_targets, read_targets
    from edge.fleet.deploy import Deployment

    artifact, words = _sorted_out(args)
    texts = [*words, *(read_targets(args.targets) if args.targets else [])]
    targets = open_targets(texts, _options(args))
    bundle = Bundle.load(artifact) if artifact else None
    with _interruptible():
        flash = Deployment(targets, bundle, args.parallel)
        with _display(len(targets)) as tell:
            seen = flash.look(tell)
        if bundle is None or args.check or flash.interrupted:
            return _say_seen(seen, flash, args.json)
        return _deliver(flash, bundle, seen, args.json)


def _sorted_out(args: argparse.Namespace) -> tuple[Path | None, list[str]]:
    """With --check the first word may be a target already."""
    first = args.artifact
    if args.check and not first.endswith(".tflite") and not Path(first).is_file():
        return None, [first, *args.target]
    return Path(first), args.target


def _options(args: argparse.Namespace) -> Options:
    from edge.fleet import FolderOptions, Options, SshOptions

    return Options(
        config=args.config,
        timeout_s=args.timeout,
        ssh=SshOptions(args.edge, args.ssh_config, tuple(args.ssh_option)),
        folder=FolderOptions(tuple(args.trust), args.config_file),
        mqtt=_mqtt_options(args),
    )


def _mqtt_options(args: argparse.Namespace) -> MqttOptions:
    from dataclasses import fields

    from edge.fleet import MqttOptions

    given = {field.name: getattr(args, field.name) for field in fields(MqttOptions)}
    devices = tuple(word.strip() for word in (args.devices or "").split(",") if word.strip())
    return MqttOptions(**given | {"devices": devices, "group": args.group or ""})


def _deliver(flash: Deployment, bundle: Bundle, seen: Sequence[Inspection], as_json: bool) -> int:
    results: dict[tuple[str, str], DeployResult] = {}
    with _display(len(seen)) as tell:
        for result in flash.deliver(seen, tell):
            results[result.target, result.device] = result
            if as_json:
                _print_object(result)
    ordered = [results[one.target, one.device] for one in seen]
    if not as_json:
        from edge.fleet.tables import result_table

        _print(result_table(ordered))
    bad = sum(not result.good for result in ordered)
    return _end(flash, f"{bad} of {len(ordered)} devices do not run {bundle}" if bad else "")


def _say_seen(seen: Sequence[Inspection], flash: Deployment, as_json: bool) -> int:
    if as_json:
        for one in seen:
            _print_object(one)
    else:
        from edge.fleet.tables import seen_table

        _print(seen_table(seen))
    bad = sum(bool(one.problem) for one in seen)
    return _end(flash, f"{bad} of {len(seen)} devices cannot be flashed" if bad else "")


def _end(flash: Deployment, problem: str) -> int:
    """Raises FlashError with the problem; after Ctrl-C, KeyboardInterrupt."""
    from edge.errors import FlashError

    if flash.interrupted:
        raise KeyboardInterrupt
    if problem:
        raise FlashError(problem)
    return 0


def _display(count: int) -> AbstractContextManager[Tell]:
    from edge.fleet.progress.display import display

    return display(sys.stderr, count)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lets the signals that end a program end this one as Ctrl-C does: with a word on each device."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _print(lines: Sequence[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _print_object(value: Inspection | DeployResult) -> None:
    from edge.core.structs import plain

    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _parallel(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 256:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 256, got {text}")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds from 1 to 86400, got {text}")
    return number
