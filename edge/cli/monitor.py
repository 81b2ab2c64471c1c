"""``edge monitor``: which device does what, and which one drifts."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from edge.cli.options import Subparsers, add_broker_options, broker_options
from edge.cli.web import add_web_options, only_pages, pages

ONCE_IDLE_S, ONCE_MOST_S = 0.5, 10.0
"""Retained messages come at once: silence after them means that this was all."""


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "monitor",
        help="show the state of every device",
        description="Listen to devices over MQTT 5: a live table, JSON lines, or the table once.",
        epilog="Example: edge monitor --broker mqtt://localhost --store monitor.db",
    )
    parser.add_argument(
        "--broker", metavar="URI", help="mqtt://host[:1883] or mqtts://host[:8883]; may be left out with --web"
    )
    parser.add_argument("--root", default="edge", help="first levels of every topic; default: edge")
    parser.add_argument(
        "--store", type=Path, metavar="FILE", help="keep what arrives here (SQLite), and miss nothing between runs"
    )
    parser.add_argument("--json", action="store_true", help="print each new message as one JSON object a line")
    parser.add_argument("--once", action="store_true", help="print the table of what is there now, and end")
    parser.add_argument("--duration", type=float, metavar="S", help="print the table after S seconds, and end")
    parser.add_argument("--until-idle", type=float, metavar="S", help="end after S seconds without a message")
    add_broker_options(parser)
    add_web_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 7 with ``--once`` when there is no broker; otherwise it waits for one."""
    if args.broker is None:
        return only_pages(args)
    from edge.monitor.store import Store
    from edge.monitor.subscriber import Subscriber
    from edge.monitor.table import require_rich
    from edge.monitor.watch import Until, live_table, print_json, print_table
    from edge.sync.broker import Broker
    from edge.sync.topics import check_root

    broker = Broker.parse(args.broker, **broker_options(args))
    if not args.json:
        require_rich()
    until = Until(args.duration, args.until_idle)
    if args.once:
        until = Until(args.duration or ONCE_MOST_S, args.until_idle or ONCE_IDLE_S)
    with (
        closing(Store(args.store, check_root(args.root))) as store,
        closing(Subscriber(broker, store)) as subscriber,
        pages(args, store),
    ):
        if args.once:
            subscriber.connect()
        if args.json:
            print_json(subscriber, until)
        elif args.once or args.duration is not None or not sys.stdout.isatty():
            print_table(subscriber, store, until)
        else:
            live_table(subscriber, store, until)
    return 0
