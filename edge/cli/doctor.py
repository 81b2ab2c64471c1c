"""``edge doctor``: what works on this device, and what to do about what does not."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge.cli.options import Subparsers

MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this device",
        description="Check Python, the TFLite runtimes, OpenCV and the clock; with -c also what that names.",
        epilog="Example: edge doctor -c edge.toml",
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="also check what this configuration names")
    parser.add_argument("--json", action="store_true", help="print one JSON object a check")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Status 1 when a check fails."""
    from edge.device.doctor import check_config, check_device

    findings = check_device() + (check_config(args.config) if args.config else [])
    for finding in findings:
        if args.json:
            line = json.dumps({"check": finding.check, "state": finding.state, "detail": finding.detail})
        else:
            line = f"{MARKS[finding.state]} {finding.check:<12} {finding.detail}"
        sys.stdout.write(line + "\n")
    return int(any(finding.state == "fail" for finding in findings))
