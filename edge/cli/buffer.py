"""``edge buffer``: what the local buffer holds."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.options import Subparsers

if TYPE_CHECKING:
    from edge.device.buffer.inspection import Figures

_KINDS = ("predictions", "audit", "drift", "stats", "event")


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "buffer",
        help="figures, export and check of the local buffer",
        description="Look into a device's buffer; the daemon may run meanwhile, but for vacuum.",
        epilog="Example: edge buffer stats state/",
    )
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    stats = _add(kinds, "stats", "rows, records, bytes, and what waits", "state/", show_stats)
    stats.add_argument("--json", action="store_true", help="print one JSON object")
    export = _add(
        kinds, "export", "records or messages as CSV, JSON lines or Parquet", "state/ --out week.csv", run_export
    )
    export.add_argument("--kind", choices=_KINDS, default="predictions", help="default: predictions")
    export.add_argument(
        "--format", choices=("csv", "jsonl", "parquet"), help="default: by the name of --out, else jsonl"
    )
    export.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")
    _add(kinds, "verify", "look at every byte; status 1 when something is wrong", "state/", run_verify)
    _add(kinds, "vacuum", "give free room back to the file system", "state/", run_vacuum)


def _add(kinds: Subparsers, name: str, text: str, example: str, run: object) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=f"Example: edge buffer {name} {example}"
    )
    parser.add_argument("path", type=Path, metavar="STATE", help="the state folder, or the buffer.db in it")
    parser.set_defaults(run=run)
    return parser


def show_stats(args: argparse.Namespace) -> int:
    """Raises StateError when there is no buffer."""
    from edge.core.structs import plain
    from edge.device.buffer.inspection import figures

    found = figures(args.path)
    sys.stdout.write((json.dumps(plain(found)) if args.json else _as_text(found)) + "\n")
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError or MissingError; a file that was there stays then as it was."""
    from edge.device.buffer.export import export, format_for
    from edge.device.buffer.inspection import open_buffer_file

    form = format_for(args.out, args.format, args.kind)
    with closing(open_buffer_file(args.path)) as db:
        count = export(db, args.kind, args.out, form)
    if args.out is not None:
        sys.stdout.write(f"{args.out}: {count} {args.kind}\n")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Status 1 when something is wrong."""
    from edge.device.buffer.inspection import figures, verify

    faults = list(verify(args.path))
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    if not faults:
        items = sum(kind.items for kind in figures(args.path).kinds.values())
        sys.stdout.write(f"{args.path}: sound; {items} records and messages can be read\n")
    return int(bool(faults))


def run_vacuum(args: argparse.Namespace) -> int:
    """Raises StateError while a daemon uses the folder."""
    from edge.device.buffer.inspection import vacuum

    before, after = vacuum(args.path)
    sys.stdout.write(f"{args.path}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now\n")
    return 0


def _as_text(found: Figures) -> str:
    lines = [
        f"file      {found.path}, {found.file_bytes / 1e6:.1f} MB, of which {found.used_bytes / 1e6:.1f} MB in use",
        f"boots     {found.boots}",
        f"evicted   {found.evicted}, of which {found.evicted_undelivered} undelivered",
    ]
    for name, kind in found.kinds.items():
        lines.append(
            f"{name:<12} {kind.items} in {kind.entries} rows ({kind.payload_bytes / 1e6:.2f} MB), "
            f"{kind.pending} rows wait for delivery"
        )
    return "\n".join(lines)
