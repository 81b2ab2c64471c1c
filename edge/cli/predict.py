"""``edge predict``: judge images, folders, videos or any other source once."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from edge.cli.options import Subparsers, add_model_options, given, interpreter_options
from edge.errors import SourceError

if TYPE_CHECKING:
    from edge.decide import Decision
    from edge.model import Model


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "predict",
        help="judge images, folders or videos",
        description="Judge images, folders, videos or any frame source with a model.",
        epilog="Example: edge predict cookie.tflite photos/ --json",
    )
    parser.add_argument("model", metavar="MODEL", help="a .tflite")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="image, folder, video or source URI")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_model_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """What cannot be read is named on standard error, the rest is judged all the same."""
    from edge.model import load

    model = load(args.model, **interpreter_options(args), given=given(args))
    failed = 0
    for path in args.paths:
        try:
            failed += _predict_all(model, path, args.json)
        except SourceError as error:
            sys.stderr.write(f"edge: {error}\n")
            failed += 1
    return SourceError.exit_status if failed else 0


def _predict_all(model: Model, path: str, as_json: bool) -> int:
    from edge.frames import capture

    unreadable = 0
    for number, frame in enumerate(capture(path)):
        name = frame.name or f"{path}#{number}"
        if frame.image is None:
            sys.stderr.write(f"edge: {name}: not a picture; expected JPEG, PNG or another image file\n")
            unreadable += 1
            continue
        started = time.perf_counter()
        decision = model.predict(frame.image)
        latency_ms = (time.perf_counter() - started) * 1000
        sys.stdout.write(_line(name, decision, model.labels, latency_ms, as_json) + "\n")
    return unreadable


def _line(name: str, decision: Decision, labels: tuple[str, ...], latency_ms: float, as_json: bool) -> str:
    if not as_json:
        return f"{name}\t{decision.label}\t{decision.score:.3f}"
    scores = decision.scores.tolist()
    if len(scores) == 1:
        scores = [1.0 - scores[0], scores[0]]
    return json.dumps(
        {
            "path": name,
            "label": decision.label,
            "score": round(decision.score, 6),
            "scores": {label: round(score, 6) for label, score in zip(labels, scores, strict=True)},
            "latency_ms": round(latency_ms, 3),
        },
        ensure_ascii=False,
    )
