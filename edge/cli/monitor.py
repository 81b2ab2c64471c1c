"""``edge monitor``: which device does what, and which one drifts."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.alerts import add_alert_options, alerting
from edge.cli.export import add_export_options, export
from edge.cli.options import Subparsers, add_broker_options, broker_options
from edge.cli.web import add_web_options, only_pages, pages
from edge.errors import ArtifactError

if TYPE_CHECKING:
    from edge.monitor.store.retention import Keep
    from edge.monitor.store.store import Store

KEPT = {
    "predictions": ("30d", "records"),
    "windows": ("90d", "verdicts on windows"),
    "statistics": ("2d", "statistics of each window; then they are added up by the hour"),
    "hours": ("30d", "statistics of each hour; then by the day"),
    "days": ("400d", "statistics of each day"),
    "health": ("2d", "each health message; then means of ten minutes"),
    "trends": ("400d", "those means"),
    "events": ("400d", "faults of cameras, requests for labels"),
}
"""By the fields of :class:`edge.monitor.store.retention.Keep`."""
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
        "--store",
        metavar="FILE|URL",
        help="keep what arrives, and miss nothing between runs: in a file (SQLite), or postgresql://user@host/database",
    )
    parser.add_argument(
        "--share", default="", metavar="NAME", help="split the messages with the other monitors that give this name"
    )
    parser.add_argument(
        "--model",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a .tflite that devices run: by its reference statistics are merged; once for each store",
    )
    parser.add_argument("--json", action="store_true", help="print each new message as one JSON object a line")
    parser.add_argument("--once", action="store_true", help="print the table of what is there now, and end")
    parser.add_argument("--duration", type=float, metavar="S", help="print the table after S seconds, and end")
    parser.add_argument("--until-idle", type=float, metavar="S", help="end after S seconds without a message")
    _add_keeping(parser)
    add_broker_options(parser)
    add_web_options(parser)
    add_alert_options(parser)
    add_export_options(parser)
    parser.set_defaults(run=run)


def _add_keeping(parser: argparse.ArgumentParser) -> None:
    keeping = parser.add_argument_group("how long a store keeps what; a time such as 7d, 12h or forever")
    for name, (default, text) in KEPT.items():
        keeping.add_argument(f"--keep-{name}", default=default, metavar="T", help=f"{text}; default: {default}")


def _keep(args: argparse.Namespace) -> Keep:
    """Raises ConfigError."""
    from edge.monitor.store.keeping import parse_duration
    from edge.monitor.store.retention import Keep

    return Keep(**{name: parse_duration(getattr(args, f"keep_{name}"), f"--keep-{name}") for name in KEPT})


def run(args: argparse.Namespace) -> int:
    """Status 7 with ``--once`` when there is no broker; otherwise it waits for one."""
    if args.export is not None:
        return export(args)
    if args.broker is None:
        return only_pages(args)
    from edge.monitor.store.retention import Retention
    from edge.monitor.store.store import Store
    from edge.monitor.subscriber.subscriber import Subscriber
    from edge.monitor.table import require_rich
    from edge.monitor.watch import Until, Watching, live_table, print_json, print_table
    from edge.protocol.broker import Broker
    from edge.protocol.topics import check_root

    broker = Broker.parse(args.broker, **broker_options(args))
    if not args.json:
        require_rich()
    keep = _keep(args)
    until = Until(args.duration, args.until_idle)
    if args.once:
        until = Until(args.duration or ONCE_MOST_S, args.until_idle or ONCE_IDLE_S)
    with (
        closing(Store(args.store, check_root(args.root))) as store,
        closing(Subscriber(broker, store, share=args.share)) as subscriber,
        pages(args, store, lambda: subscriber.trouble),
        alerting(args, store, broker) as beside,
    ):
        for path in args.model:
            _learn(store, path)
        if args.once:
            subscriber.connect()
        watch = Watching(subscriber, Retention(store.engine, keep) if args.store else None, until, beside)
        with _ends_at_signals(watch.stop):
            if args.json:
                print_json(watch)
            elif args.once or args.duration is not None or not sys.stdout.isatty():
                print_table(watch, store)
            else:
                live_table(watch, store)
    return 0


@contextmanager
def _ends_at_signals(stop: threading.Event) -> Iterator[None]:
    """So that what is under way is stored and acknowledged, and others know that this monitor has left."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _learn(store: Store, path: Path) -> None:
    """Raises ArtifactError."""
    from edge.inference.artifact.artifact import Artifact

    artifact = Artifact.load(path)
    if artifact.reference is None:
        raise ArtifactError(f"{path}: has no drift reference; expected one that edge convert wrote")
    version = artifact.manifest.version if artifact.manifest else 0
    store.add_reference(artifact.reference, artifact.name, version)
