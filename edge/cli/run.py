"""``edge run``: the daemon."""

from __future__ import annotations

import argparse
import atexit
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.options import Subparsers
from edge.core.clock import local_time
from edge.core.guard import watch_all_threads
from edge.errors import GateError

if TYPE_CHECKING:
    from edge.device.config import Config
    from edge.device.line import Line
    from edge.device.report import LineReport

ENDING = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGXCPU,
)
"""All that end a process, but for those that nobody can answer, and SIGABRT, by which systemd asks where it hangs."""


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "run",
        help="run the line: judge frames until stopped",
        description="Run the line that a configuration describes, until its source ends or SIGTERM, SIGHUP or Ctrl-C "
        "comes.",
        epilog="Example: edge run -c edge.toml",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="the configuration (TOML)")
    parser.add_argument("--check", action="store_true", help="only check the configuration and the model")
    parser.add_argument("--json", action="store_true", help="print the closing report as one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 0 when the line was stopped or its source has ended; GateError, after the closing report, when the gate
    may still be open."""
    from edge.device.config import load_config

    config = load_config(args.config)
    if args.check:
        return _check(config, args.config)
    from edge.device.line import Line

    line = Line(config)
    _end_in_order(line)
    watch_all_threads()
    report = line.run()
    sys.stdout.write((_as_json(report) if args.json else _as_text(report)) + "\n")
    if report.gate_open_since_ns:
        since = local_time(report.gate_open_since_ns)
        raise GateError(
            f"{config.gate.uri}: MAY BE OPEN since {since}: no off was confirmed until the end; shut off its air, "
            "then 'edge gate off'"
        )
    return 0


def _end_in_order(line: Line) -> None:
    """Every signal that would end the process stops the line; one that comes again changes nothing. A hang-up that
    whoever started it wants ignored (nohup) stays so."""
    numbers = [
        number for number in ENDING if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    ]
    for number in numbers:
        signal.signal(number, lambda *_: line.stop())
    # Python's own end would put the defaults back, and a second Ctrl-C then replaced the exit status.
    atexit.register(lambda: [signal.signal(number, signal.SIG_IGN) for number in numbers])


def _check(config: Config, path: Path) -> int:
    from edge.device.assembly import load_cascade, make_transport
    from edge.device.deployment import active_file
    from edge.gates import open_gate

    cascade = load_cascade(config, active_file(config))
    open_gate(config.gate, start=False).close()
    if config.sync.broker:
        make_transport(config.sync, "check")
    sys.stdout.write(f"{path}: correct; model {cascade.name} with {len(cascade.labels)} labels runs here\n")
    for model in cascade.models:
        sys.stdout.write(f"{model.name} on {model.running}\n")
    return 0


def _as_json(report: LineReport) -> str:
    from edge.core.structs import plain

    return json.dumps(plain(report))


def _as_text(report: LineReport) -> str:
    dropped = ", ".join(f"{reason} {count}" for reason, count in report.dropped.items()) or "none"
    drifted = ", ".join(map(str, report.drifted_windows)) or "none"
    latency = report.latency_us
    return "\n".join(
        (
            f"device    {report.device}, boot {report.boot_id}",
            f"frames    captured {report.captured} = decided {report.decided} + dropped "
            f"{sum(report.dropped.values())} ({dropped})",
            f"parts     judged {report.judged}, out of sight before they could be judged {report.parts_lost}",
            f"records   buffered {report.buffered}, lost {report.lost}; entries not yet delivered: {report.pending}",
            f"latency   p50 {latency['p50'] / 1000:.1f} ms, p99 {latency['p99'] / 1000:.1f} ms, "
            f"max {latency['max'] / 1000:.1f} ms",
            f"gate      {', '.join(f'{name} {count}' for name, count in report.gate.items())}",
            f"drift     windows {report.windows}, drifted: {drifted}",
        )
    )
