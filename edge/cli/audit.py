"""``edge audit``: samples for people to label, their labels, and what those say of the model."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.options import Subparsers, add_state_options, state_folder

if TYPE_CHECKING:
    from edge.device.audit.answers import Label

ALARMED = 1
"""Exit status: the check found something."""
_WHY = ("random", "requested", "uncertain", "outlying")
"""Reasons for an audit, equal to :data:`edge.device.audit.STRATA`, which loads numpy."""


def add(subparsers: Subparsers) -> None:
    """Registers the command and its sub-commands."""
    parser = subparsers.add_parser(
        "audit",
        help="samples for people to label, and how good the model is",
        description="List and export the samples that a daemon kept, take true labels back, and say what they mean.",
        epilog="Example: edge audit list -c edge.toml",
    )
    commands = parser.add_subparsers(dest="audit_command", metavar="COMMAND", required=True)
    _add_list(commands)
    _add_export(commands)
    _add_label(commands)
    _add_report(commands)


def _add_list(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "list",
        help="how many samples there are, and why",
        description="Count the samples by why they were kept and by what the model said.",
        epilog="Example: edge audit list --state state --json",
    )
    _add_common(parser)
    parser.set_defaults(run=run_list)


def _add_export(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "export",
        help="pictures in one folder per label",
        description="Write the pictures into OUT/LABEL/, by the true label or else the predicted one, and a table "
        "index.csv that 'edge audit label' takes back.",
        epilog="Example: edge audit export out/ -c edge.toml",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="a new or an empty folder")
    parser.add_argument("--why", action="append", choices=_WHY, default=[], help="only these; may be repeated")
    parser.add_argument("--labelled", action="store_true", help="only those whose true label is known")
    _add_common(parser)
    parser.set_defaults(run=run_export)


def _add_label(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "label",
        help="take true labels back",
        description="Take true labels from a CSV with the columns label and id (or path), or from an exported folder "
        "in which each picture lies in the folder of its true label.",
        epilog="Example: edge audit label out/index.csv -c edge.toml",
    )
    parser.add_argument("source", type=Path, metavar="CSV", help="the table, or the folder")
    parser.add_argument("--new-labels", action="store_true", help="allow labels that the model does not have")
    _add_common(parser)
    parser.set_defaults(run=run_label)


def _add_report(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "report",
        help="accuracy, precision and recall",
        description="How good each model is by the true labels. Status 1 when its errors have become more frequent.",
        epilog="Example: edge audit report -c edge.toml",
    )
    parser.add_argument(
        "--run-length",
        type=_run_length,
        default=1000.0,
        metavar="N",
        help="labels between two false alarms, at least, on average; default: 1000",
    )
    _add_common(parser)
    parser.set_defaults(run=run_report)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_state_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_list(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    from edge.device.audit.answers import everything

    folder = _folder(args)
    answers = list(everything(folder).values())
    counts = _counts(answers)
    if args.json:
        names = ("why", "label", "samples", "labelled")
        rows = [dict(zip(names, (*key, *numbers), strict=True)) for key, numbers in counts.items()]
        _print_json({"folder": str(folder), "samples": len(answers), "counts": rows})
    else:
        head = ("why", "predicted", "samples", "labelled")
        shown = [head, *((*key, *numbers) for key, numbers in counts.items())]
        _print_lines(f"{why:<10} {label:<20} {kept:>8} {labelled:>8}" for why, label, kept, labelled in shown)
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    from edge.device.audit.export import INDEX, export

    done = export(_folder(args), args.out, args.why, args.labelled)
    if args.json:
        _print_json({"folder": str(done.folder), "images": done.pictures, "without_picture": done.without_picture})
        return 0
    counts = ", ".join(f"{count} {label}" for label, count in done.pictures.items()) or "no pictures"
    missing = f"; {done.without_picture} samples have no picture" if done.without_picture else ""
    _print_lines([f"{args.out}: {counts}{missing}", f"{args.out / INDEX}: fill in the column label"])
    return 0


def run_label(args: argparse.Namespace) -> int:
    """Raises ConfigError, StateError, SourceError."""
    from edge.core.structs import plain
    from edge.device.audit.labelling import label

    done = label(_folder(args), args.source, args.new_labels)
    if args.json:
        _print_json(plain(done))
    else:
        _print_lines(
            [f"{done.new} new labels, {done.changed} changed, {done.same} as before, {done.blank} left blank"]
        )
    return 0


def run_report(args: argparse.Namespace) -> int:
    """Status 1 when a model's errors have become more frequent. Raises ConfigError, StateError."""
    from edge.device.audit.report import report
    from edge.device.audit.text import lines

    models = report(_folder(args), args.run_length)
    if args.json:
        _print_json({"models": [model.to_dict() for model in models]})
    else:
        _print_lines(line for model in models for line in lines(model))
    return ALARMED if any(model.alarmed for model in models) else 0


def _folder(args: argparse.Namespace) -> Path:
    from edge.device.audit.folder import NAME

    return state_folder(args) / NAME


def _counts(answers: Iterable[Label]) -> dict[tuple[str, str], tuple[int, int]]:
    """Samples, and labelled ones, by stratum and predicted label."""
    samples: Counter[tuple[str, str]] = Counter()
    labelled: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        key = answer.sample.stratum, answer.sample.label
        samples[key] += 1
        labelled[key] += answer.true is not None
    return {key: (samples[key], labelled[key]) for key in sorted(samples, key=lambda k: (_WHY.index(k[0]), k[1]))}


def _run_length(text: str) -> float:
    number = float(text)
    if not 1 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text}")
    return number


def _print_json(value: Any) -> None:
    _print_lines([json.dumps(value, ensure_ascii=False)])


def _print_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
