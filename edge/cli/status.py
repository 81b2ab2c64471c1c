"""``edge status``: how the daemon on this machine is."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from edge.cli.options import Subparsers, add_state_options, state_folder

REFRESH_S = 2.0
_CLEAR = "\x1b[H\x1b[J"


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "status",
        help="how the daemon on this machine is",
        description="Ask the daemon of a state folder how it is, without a network; "
        "where none runs, say what the folder still tells.",
        epilog="Example: edge status -c edge.toml",
    )
    add_state_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--watch", action="store_true", help=f"again every {REFRESH_S:.0f} seconds, until Ctrl-C")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 0 when it runs and nothing is wrong, 1 when something is, 6 when no daemon runs or answers."""
    folder = state_folder(args)
    if not args.watch:
        return _show(folder, args.json)
    while True:
        if sys.stdout.isatty() and not args.json:
            sys.stdout.write(_CLEAR)
        _show_or_say(folder, args.json)
        sys.stdout.flush()
        time.sleep(REFRESH_S)


def _show_or_say(folder: Path, as_json: bool) -> None:
    """A daemon that does not run now may run at the next look."""
    from edge.errors import StateError

    try:
        _show(folder, as_json)
    except StateError as error:
        sys.stderr.write(f"edge: {error}\n")


def _show(folder: Path, as_json: bool) -> int:
    """Raises StateError when no daemon runs, after what the state folder tells was printed, or does not answer."""
    from edge.core.structs import plain
    from edge.device.health.snapshot import problems_at
    from edge.device.status import NotRunningError, ask, page

    try:
        snapshot = ask(folder)
    except NotRunningError:
        _show_remains(folder, as_json)
        raise
    problems = problems_at(snapshot, time.monotonic())
    if as_json:
        _print_json({"running": True, **plain(snapshot), "problems": problems})
    else:
        sys.stdout.write(page.running(snapshot, problems))
    return int(bool(problems))


def _show_remains(folder: Path, as_json: bool) -> None:
    from edge.core.structs import plain
    from edge.device.slots import FOLDER, Slots
    from edge.device.slots.text import facts
    from edge.device.status import look_into, page

    remains = look_into(folder)
    slots = Slots(folder / FOLDER).state() if (folder / FOLDER).is_dir() else None
    if as_json:
        _print_json({"running": False, "state": plain(remains), "slots": slots and facts(slots)})
    else:
        sys.stdout.write(page.stopped(remains, slots))


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
