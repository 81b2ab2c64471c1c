"""``edge monitor --export``: what a store holds, as a table for other programs."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from pathlib import Path

from edge.errors import ConfigError

WHAT = ("devices", "windows", "health", "events", "alerts")


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Which table, of which devices, of which time, and where to."""
    exporting = parser.add_argument_group("export of a store, without listening")
    exporting.add_argument("--export", choices=WHAT, help="one row a device, tested column, health message, …")
    exporting.add_argument("--out", type=Path, metavar="FILE", help=".csv, .jsonl or .parquet; default: JSON lines")
    exporting.add_argument("--since", default="forever", metavar="T", help="of the last T, such as 12h or 7d")
    exporting.add_argument("--device", action="append", default=[], metavar="NAME", help="only this one; repeatable")


def export(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError or MissingError; a file that was there stays then as it was."""
    from edge.core.tabular import format_of, write_table
    from edge.monitor.export import ExportQuery, table
    from edge.monitor.queries.reader import open_reader
    from edge.monitor.queries.reading import Filter
    from edge.monitor.store.keeping import parse_duration

    if args.store is None:
        raise ConfigError("--export: expected --store FILE or --store postgresql://…")
    form, span_s = format_of(args.out), parse_duration(args.since, "--since")
    since_ns = 0 if span_s is None else time.time_ns() - round(span_s * 1e9)
    where = Filter(devices=tuple(args.device)) if args.device else Filter()
    with closing(open_reader(args.store)) as reader:
        count = write_table(table(reader, args.export, ExportQuery(where, since_ns)), args.out, form)
    if args.out is not None:
        sys.stdout.write(f"{args.out}: {count} rows of {args.export}\n")
    return 0
