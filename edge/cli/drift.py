"""``edge drift``: has the current data drifted from the reference, in which columns, and how strongly?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from edge.cli.options import Subparsers
from edge.core.choices import RuntimeChoice
from edge.errors import ConfigError, StateError

if TYPE_CHECKING:
    from edge.drift.compare import ComparedColumn, Comparison

DRIFTED = 1
"""Exit status: the check found something."""


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "drift",
        help="compare two sets of samples",
        description="Compare current samples with a reference, column by column. Status 1 when they have drifted.",
        epilog="Example: edge drift cookie.tflite photos/ --html drift.html",
    )
    parser.add_argument("reference", metavar="REFERENCE", help="a .tflite with a reference, or any of the below")
    parser.add_argument(
        "current",
        metavar="CURRENT",
        help="a table (.csv, .parquet, .npz), a folder of pictures or another frame source, "
        "or a device's state folder (its buffer)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with distributions side by side")
    parser.add_argument("--alpha", type=float, default=0.05, metavar="A", help="over all columns; default: 0.05")
    parser.add_argument(
        "--min-effect", type=float, default=0.1, metavar="E", help="smaller differences are no drift; default: 0.1"
    )
    parser.add_argument(
        "--max-pictures", type=int, default=2000, metavar="N", help="pictures that are read; default: 2000"
    )
    parser.add_argument("--runtime", choices=get_args(RuntimeChoice), default="auto", help="default: auto")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises SourceError, ArtifactError, StateError, ConfigError, MissingError."""
    from edge.cli.drift_inputs import is_model, read_reference, read_side
    from edge.drift.compare import compare
    from edge.inference.model import load

    if not 0 < args.alpha < 1 or not 0 <= args.min_effect <= 1 or args.max_pictures < 1:
        raise ConfigError("--alpha, --min-effect, --max-pictures: expected 0 < A < 1, 0 ≤ E ≤ 1 and N ≥ 1")
    model = load(args.reference, runtime=args.runtime) if is_model(args.reference) else None
    reference = read_reference(model) if model else read_side(args.reference, None, args.max_pictures)
    current = read_side(args.current, model, args.max_pictures)
    comparison = compare(reference, current, alpha=args.alpha, min_effect=args.min_effect)
    if args.html:
        _write(args.html, comparison, args.reference, args.current)
    text = json.dumps(comparison.to_dict(), ensure_ascii=False) if args.json else _table(comparison)
    sys.stdout.write(text + "\n")
    return DRIFTED if comparison.drifted else 0


def _write(path: Path, comparison: Comparison, reference: str, current: str) -> None:
    from edge.drift.page import render

    try:
        path.write_bytes(render(comparison, reference, current))
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def _table(comparison: Comparison) -> str:
    head = ("", "column", "test", "statistic", "p", "effect", "W1/σ", "PSI", "shift")
    rows = [head, *(_row(column) for column in comparison.columns)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(size) if place < 3 else cell.rjust(size) for place, (cell, size) in enumerate(cells)
        ).rstrip()
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join([*lines, *_closing(comparison)])


def _row(column: ComparedColumn) -> tuple[str, ...]:
    return (
        "✗" if column.drifted else "✓",
        column.name,
        *column.texts(),
        "–" if column.shift is None else f"{column.shift:+.2f}",
    )


def _closing(comparison: Comparison) -> list[str]:
    drifted = [column.name for column in comparison.columns if column.drifted]
    lines = [f"{name}: not compared, {why}" for name, why in comparison.skipped.items()]
    lines += [
        f"{column.name}: never seen before: {', '.join(column.unseen[:8])}"
        for column in comparison.columns
        if column.unseen
    ]
    verdict = (
        f"drift in {len(drifted)} of {len(comparison.columns)} columns, {drifted[0]} first" if drifted else "no drift"
    )
    theirs = "drifted" if comparison.evidently_drifted else "not drifted"
    return [*lines, f"{verdict}; by Evidently's rules {theirs} ({comparison.evidently_share:.0%} of the columns)"]
