"""``edge predict``: judge images, folders, videos or any other source once."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.options import Subparsers, add_model_options, given, interpreter_options
from edge.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from edge.inference.batch import BatchProgress, BatchSink, BatchSummary
    from edge.inference.batch.factory import IfThere
    from edge.inference.model import Model


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "predict",
        help="judge images, folders or videos",
        description="Judge images, folders and all below them, videos or any frame source with a model.",
        epilog="Example: edge predict cookie.tflite photos/ line.mp4 --out results.csv",
    )
    parser.add_argument("model", metavar="MODEL", help="a .tflite")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="image, folder, video or source URI")
    parser.add_argument("--json", action="store_true", help="one JSON object a line; with --out, the summary as JSON")
    batch = parser.add_argument_group("into a file")
    batch.add_argument("--out", type=Path, metavar="FILE", help="a .csv, .jsonl or .db (SQLite)")
    there = batch.add_mutually_exclusive_group()
    there.add_argument("--resume", action="store_true", help="do only what is not in the file yet")
    there.add_argument("--overwrite", action="store_true", help="replace the file")
    batch.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="how far it is, on standard error; default: on a terminal",
    )
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Names what cannot be read on standard error, and judges the rest all the same."""
    from edge.inference.batch.factory import check_out

    if_there: IfThere = "resume" if args.resume else "overwrite" if args.overwrite else "refuse"
    if args.out is not None:
        check_out(args.out, if_there)
    elif if_there != "refuse":
        raise ConfigError(f"--{if_there}: expected --out FILE with it")
    from edge.inference.model import load

    model = load(args.model, **interpreter_options(args), given=given(args))
    progress = _progress(args)
    sink = _sink(args, model, if_there)
    try:
        summary = _run(args, model, sink, progress)
    finally:
        if progress is not None:
            progress.clear()
        sink.close()
    if args.out is not None:
        sys.stdout.write((_as_json if args.json else _as_text)(args.out, summary, sink) + "\n")
    return SourceError.exit_status if summary.failed or sink.tally[""] else 0


def _run(args: argparse.Namespace, model: Model, sink: BatchSink, progress: BatchProgress | None) -> BatchSummary:
    from edge.inference.batch import run_job

    def complain(text: str) -> None:
        if progress is not None:
            progress.clear()
        sys.stderr.write(f"edge: {text}\n")

    return run_job(model, args.paths, sink, complain=complain, progress=progress, resume=args.resume)


def _sink(args: argparse.Namespace, model: Model, if_there: IfThere) -> BatchSink:
    from edge.inference.batch import Printer, open_sink
    from edge.inference.batch.job import written_by

    if args.out is None:
        return Printer(model.labels, args.json)
    return open_sink(args.out, written_by(model), if_there)


def _progress(args: argparse.Namespace) -> BatchProgress | None:
    """By default where a terminal shows nothing else."""
    from edge.inference.batch import BatchProgress
    from edge.inference.batch.inputs import expected

    wanted = args.progress
    if wanted is None:
        wanted = sys.stderr.isatty() and (args.out is not None or not sys.stdout.isatty())
    return BatchProgress(sys.stderr, expected(args.paths)) if wanted else None


def _as_text(out: Path, summary: BatchSummary, sink: BatchSink) -> str:
    labels = ", ".join(f"{label} {count}" for label, count in sorted(sink.tally.items()) if label) or "none"
    rate = summary.judged / max(summary.seconds, 1e-9)
    text = f"{out}: {sink.tally.total()} rows: {labels}"
    if sink.tally[""]:
        text += f"; not a picture {sink.tally['']}"
    text += f" (judged {summary.judged} in {summary.seconds:.1f} s, {rate:.1f}/s"
    return text + (f"; {summary.before} were done before)" if summary.before else ")")


def _as_json(out: Path, summary: BatchSummary, sink: BatchSink) -> str:
    labels = {label: count for label, count in sorted(sink.tally.items()) if label}
    fields = {"out": str(out), "rows": sink.tally.total(), "labels": labels, "not_a_picture": sink.tally[""]}
    fields |= {"judged": summary.judged, "before": summary.before, "failed": summary.failed}
    return json.dumps(fields | {"seconds": round(summary.seconds, 3)}, ensure_ascii=False)
