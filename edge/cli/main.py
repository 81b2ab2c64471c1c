"""The ``edge`` command."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from edge.errors import EdgeError

COMMANDS = {
    "convert": "converter.cli",
    "inspect": "edge.cli.inspect",
    "predict": "edge.cli.predict",
    "bench": "edge.cli.bench",
    "calibrate": "edge.cli.calibrate",
    "run": "edge.cli.run",
    "status": "edge.cli.status",
    "slots": "edge.cli.slots",
    "doctor": "edge.cli.doctor",
    "simulate": "edge.cli.simulate",
    "drift": "edge.cli.drift",
    "audit": "edge.cli.audit",
    "gate": "edge.cli.gate",
    "keys": "edge.cli.keys",
    "flash": "edge.cli.flash",
    "monitor": "edge.cli.monitor",
    "buffer": "edge.cli.buffer",
}
"""Each module has ``add(subparsers)``, and imports what is heavy only when its command runs."""

INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        prog="edge",
        description="Convert, run and watch image models on factory devices.",
        epilog="Exit statuses are listed in edge/cli/README.md.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in COMMANDS.values():
        importlib.import_module(module).add(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    logging.basicConfig(level=logging.INFO, format="edge: %(message)s", stream=sys.stderr)
    args = build_parser().parse_args(arguments)
    try:
        return int(args.run(args))
    except EdgeError as error:
        sys.stderr.write(f"edge: {error}\n")
        return error.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; Python would complain again while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
