"""``edge slots``: which models a device has, which one runs, and how it got there."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.options import Subparsers, add_state_options, state_folder
from edge.cli.receive import add as add_receive

if TYPE_CHECKING:
    from edge.device.slots import Slots
    from edge.device.slots.install import Installed

WITHIN_S = 900.0


def add(subparsers: Subparsers) -> None:
    """Registers the command and its sub-commands."""
    parser = subparsers.add_parser(
        "slots",
        help="the models on this device: list, install, activate, roll back",
        description="Look at the two slots for models, and change them, whether the daemon runs or not.",
        epilog="Example: edge slots list -c edge.toml",
    )
    commands = parser.add_subparsers(dest="slots_command", metavar="COMMAND", required=True)
    _add(commands, "list", "what lies in the slots, and what runs", "-c edge.toml", run_list)
    _add_install(commands)
    activate = _add(commands, "activate", "run a slot that was good before", "B -c edge.toml", run_activate)
    activate.add_argument("slot", choices=("A", "B"), help="the slot's name")
    rollback = _add(
        commands,
        "rollback",
        "end the trial, or leave the active slot for the one before",
        "-c edge.toml",
        run_rollback,
    )
    rollback.add_argument("--reason", metavar="TEXT", default="by hand", help="kept in the history; default: by hand")
    _add(commands, "history", "what became of each model, and why", "-c edge.toml", run_history)
    add_receive(commands)


def _add(commands: Subparsers, name: str, text: str, example: str, run: object) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=f"Example: edge slots {name} {example}"
    )
    add_state_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)
    return parser


def _add_install(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "install",
        help="put a model on trial",
        description="Check an artifact, put it into the slot that is not active, and let the daemon try it.",
        epilog="Example: edge slots install cookie.tflite -c edge.toml --wait",
    )
    parser.add_argument("artifact", type=Path, metavar="FILE", help="a .tflite; - reads it from standard input")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", required=True, help="the daemon's (TOML)")
    parser.add_argument("--wait", action="store_true", help="until the trial has ended; status 4 if not well")
    parser.add_argument(
        "--within", type=float, metavar="S", default=WITHIN_S, help=f"how long to wait; default: {WITHIN_S:.0f}"
    )
    parser.add_argument("--allow-downgrade", action="store_true", help="also an older version than was committed")
    parser.add_argument("--request", metavar="ID", default="", help="who asks for it; comes back with the outcome")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run_install)


def run_list(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    from edge.device.slots.text import facts, lines

    state = _slots(args).state()
    _print_json(facts(state)) if args.json else _print_lines(lines(state))
    return 0


def run_activate(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    return _changed(args, lambda slots: slots.activate(args.slot))


def run_rollback(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    return _changed(args, lambda slots: slots.roll_back(args.reason))


def _changed(args: argparse.Namespace, change: Callable[[Slots], None]) -> int:
    from edge.device.slots.text import facts, running

    slots = _slots(args)
    change(slots)
    state = slots.state()
    _print_json(facts(state)) if args.json else _print_lines([running(state)])
    return 0


def run_history(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    from edge.core.structs import plain
    from edge.device.slots.text import event_line

    events = _slots(args).history()
    _print_json({"events": plain(events)}) if args.json else _print_lines(map(event_line, events))
    return 0


def run_install(args: argparse.Namespace) -> int:
    """Raises ArtifactError for a model that may not run here or did not do well on trial, ConfigError, StateError."""
    from edge.core.structs import plain
    from edge.errors import ArtifactError

    try:
        installed, result, reason = _install(args)
    except ArtifactError as error:
        if args.json:
            _print_json({"result": "refused", "reason": str(error)})
        raise
    name = f"slot {installed.slot}: {installed.model} v{installed.version}"
    if args.json:
        facts = plain(installed) | {"result": result, "reason": reason}
        del facts["state"]  # that was before the trial
        _print_json(facts)
    if result not in _WELL:
        raise ArtifactError(f"{name} {result}: {reason}")
    if not args.json:
        _print_lines([f"{name} {_WELL[result]}"])
    return 0


_WELL = {
    "active": "is active already",
    "trial": "is on trial",
    "installed": "is installed; no daemon runs here, its trial begins at the next start",
    "committed": "was committed",
}
"""The results that are no failure, in words."""


def _install(args: argparse.Namespace) -> tuple[Installed, str, str]:
    """Installs an artifact, and returns what is there now, what came of it, and why."""
    from edge.device.config import load_config
    from edge.device.slots.install import install
    from edge.device.slots.trust import trust_of
    from edge.device.slots.waiting import wait_for_end
    from edge.device.status import runs

    config = load_config(args.config)
    state, slots = config.device.state, _slots(args)
    with _artifact(slots, args.artifact) as path:
        installed = install(
            slots,
            trust_of(config),
            path,
            attempts=config.slots.attempts,
            source=_who(),
            request=args.request,
            allow_downgrade=args.allow_downgrade,
        )
    if args.wait and installed.state == "trial":
        outcome = wait_for_end(slots, installed, args.within, _say, lambda: runs(state))
        if outcome is not None:
            return installed, outcome.result, outcome.reason
    if installed.state == "trial" and not runs(state):
        return installed, "installed", ""
    return installed, installed.state, ""


@contextmanager
def _artifact(slots: Slots, path: Path) -> Iterator[Path]:
    if str(path) != "-":
        yield path
        return
    from edge.device.slots.receive import received
    from edge.errors import ArtifactError

    with received(slots, sys.stdin.buffer) as arrived:
        try:
            yield arrived
        except ArtifactError as error:
            raise ArtifactError(str(error).replace(str(arrived), "standard input")) from None


def _slots(args: argparse.Namespace) -> Slots:
    from edge.device.slots import FOLDER, Slots

    return Slots(state_folder(args) / FOLDER)


def _who() -> str:
    """The person behind sudo, and where they sit: for the history."""
    import getpass

    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    address = os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
    return f"{name} from {address}" if address else name


def _say(line: str) -> None:
    sys.stderr.write(f"edge: {line}\n")


def _print_json(value: Any) -> None:
    _print_lines([json.dumps(value, ensure_ascii=False)])


def _print_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
