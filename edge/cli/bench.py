"""``edge bench``: what a model costs on this device, and the fastest way to run it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.options import Subparsers, add_model_options, given, interpreter_options
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.inference.artifact import Artifact
    from edge.inference.artifact.describe import Given
    from edge.inference.bench import BenchResult
    from edge.inference.interpreter import Delegate, Wanted
    from edge.inference.tuning import SetupChoice


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "bench",
        help="measure a model on this device",
        description="Measure what a model costs on this device, and with --tune find the fastest way to run it.",
        epilog="Example: edge bench cookie.tflite --tune",
    )
    parser.add_argument("model", metavar="ARTIFACT", nargs="?", help="a .tflite; with -c the configuration's own")
    parser.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="use the [model] settings of a configuration"
    )
    parser.add_argument("--tune", action="store_true", help="try all ways to run it, and keep the best for edge run")
    parser.add_argument("--seconds", type=_seconds, default=3.0, metavar="N", help="per way to run it; default: 3")
    parser.add_argument("--frame", type=_size, default=(640, 480), metavar="WxH", help="default: 640x480")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_model_options(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Subject:
    """Subject of a benchmark, and the limits it is measured within."""

    artifact: Artifact
    given: Given
    wanted: Wanted
    delegates: tuple[Delegate, ...]
    state: Path | None


def run(args: argparse.Namespace) -> int:
    """Status 4 when no runtime here can run the model."""
    from edge.core.progress import Progress
    from edge.inference.bench import bench, setups_for

    subject = _subject(args)
    setups = setups_for(subject.wanted, subject.delegates, tune=args.tune)
    result = bench(subject.artifact, subject.given, setups, args.frame, args.seconds, Progress(sys.stderr))
    choice, path = _tune(subject, result, args.frame) if args.tune else (_in_force(subject), None)
    show = _as_json if args.json else _as_text
    sys.stdout.write(show(subject, result, choice, path, args.frame) + "\n")
    return 0


def _subject(args: argparse.Namespace) -> _Subject:
    from edge.inference.artifact import Artifact
    from edge.inference.interpreter import Wanted

    if args.config is not None:
        return _configured(args)
    if args.model is None:
        raise ConfigError("nothing to measure; give an ARTIFACT, or --config FILE")
    options = interpreter_options(args)
    delegate = options.pop("delegate")
    wanted = Wanted(**options, delegate=None)
    return _Subject(Artifact.load(args.model), given(args), wanted, (delegate,) if delegate else (), None)


def _configured(args: argparse.Namespace) -> _Subject:
    """Settings of the configuration; options fill in what it leaves open."""
    from edge.device.config import load_config
    from edge.device.deployment import active_file
    from edge.errors import ConfigError
    from edge.inference.artifact import Artifact
    from edge.inference.artifact.describe import Given
    from edge.inference.interpreter import Wanted

    config, options, foreign = load_config(args.config), interpreter_options(args), given(args)
    model, own = config.model, config.model.wanted
    delegate = own.delegate or options["delegate"]
    wanted = Wanted(
        own.runtime if own.runtime != "auto" else options["runtime"],
        own.threads or options["threads"],
        own.xnnpack if own.xnnpack is not None else options["xnnpack"],
        own.delegate,
    )
    both = Given(model.labels or foreign.labels, model.colour or foreign.colour, model.range or foreign.range)
    slot = None if args.model else active_file(config)
    if slot is not None:  # what is set is said of the factory model
        both = foreign
    path = args.model or slot or model.path
    if path is None:
        raise ConfigError("model.path: missing, and no slot holds an active model; name a model")
    artifact = Artifact.load(path)
    return _Subject(artifact, both, wanted, (delegate,) if delegate else (), config.device.state)


def _in_force(subject: _Subject) -> SetupChoice:
    from edge.inference.tuning import choose_setup

    return choose_setup(subject.artifact.path, subject.artifact.sha256, subject.wanted, subject.state)


def _tune(subject: _Subject, result: BenchResult, size: tuple[int, int]) -> tuple[SetupChoice, Path]:
    from datetime import UTC, datetime

    from edge.inference.interpreter import Machine
    from edge.inference.tuning import TuningRun, choose, tuning_path, write_entry

    path = tuning_path(subject.artifact.path, subject.state)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    width, height = size
    entry = TuningRun(subject.artifact.sha256, Machine.this(), now, f"{width}x{height}", result.measured)
    write_entry(path, entry)
    return choose(result.measured), path


def _as_json(
    subject: _Subject, result: BenchResult, choice: SetupChoice, path: Path | None, size: tuple[int, int]
) -> str:
    from edge.core.structs import plain
    from edge.inference.interpreter import Machine

    facts: dict[str, Any] = {
        "artifact": str(subject.artifact.path),
        "sha256": subject.artifact.sha256,
        "machine": plain(Machine.this()),
        "frame": f"{size[0]}x{size[1]}",
        "rows": plain(result.rows),
        "failed": plain(result.failed),
        "choice": plain(choice),
        "tuning_file": None if path is None else str(path),
    }
    return json.dumps(facts, indent=2, ensure_ascii=False)


def _as_text(
    subject: _Subject, result: BenchResult, choice: SetupChoice, path: Path | None, size: tuple[int, int]
) -> str:
    from edge.inference.bench.table import table
    from edge.inference.interpreter import Machine

    lines = [f"{subject.artifact.path} on {Machine.this()}; frames of {size[0]}×{size[1]}, times in ms", ""]
    lines += table(result.rows)
    lines += [f"does not run with {failed.setup}: {failed.reason}" for failed in result.failed]
    lines += ["", f"{'best' if path else 'in force'}: {choice.setup}", f"why: {choice.why}"]
    if path is not None:
        lines.append(f"kept in {path}, for edge run and edge predict where they leave the choice open")
    if path is not None and choice.setup.delegate is not None and subject.state is None:
        lines.append(
            "this file names no delegate for them: set it (model.delegate, --delegate), or tune with --config"
        )
    return "\n".join(lines)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError(f"expected more than 0 and at most 3600 seconds, got {text}")
    return number


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) <= 16384 and 0 < int(height) <= 16384):
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 640x480, got {text!r}")
    return int(width), int(height)
