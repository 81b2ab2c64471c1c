"""``edge simulate``: what the simulated line draws, as files; or a fleet, see :mod:`edge.cli.fleet`."""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge.cli.fleet import add_options
from edge.errors import ConfigError, StateError

if TYPE_CHECKING:
    from edge.cli.options import Subparsers
    from edge.inference.frames.frame import Image
    from edge.sim import SimulatedLine

T = TypeVar("T")

_QUIET_S = 2.0
_REFRESH_S = 0.5


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "simulate",
        help="images of the simulated line, or a simulated fleet",
        description="Write what the simulated cookie line draws, or send what a fleet of devices would send.",
        epilog="Example: edge simulate --devices 1000 --broker mqtt://localhost --script drifts.toml",
    )
    add_options(parser)
    kinds = parser.add_subparsers(dest="what", metavar="WHAT")
    images = kinds.add_parser(
        "images",
        help="labelled images in a folder per label, for edge convert --data",
        description="Write labelled images into OUT/LABEL/, the form that edge convert --data reads.",
        epilog="Example: edge simulate images cookies/ --count 500 --balanced --line 'sim://line?light=0.8'",
    )
    images.add_argument("out", type=Path, metavar="OUT", help="folder; images of other seeds in it are kept")
    images.add_argument("--count", type=_whole_number(1), required=True, metavar="N", help="images in all")
    images.add_argument("--first", type=_whole_number(0), default=0, metavar="N", help="first part; default: 0")
    images.add_argument("--seed", type=_whole_number(0), metavar="S", help="instead of the one in --line")
    images.add_argument("--balanced", action="store_true", help="as many of each label, whatever 'defects' says")
    images.add_argument("--line", default="sim://line", metavar="URI", help="options; default: sim://line")
    images.add_argument("--format", choices=("png", "jpg"), default="png", help="default: png")
    images.add_argument("--json", action="store_true", help="print the number of images per label as JSON")
    images.set_defaults(run=write_images)


def write_images(args: argparse.Namespace) -> int:
    """Raises ConfigError for the line's options, StateError for the folder."""
    line = _line(args.line, args.seed)
    labels = _labels(line, args.first, args.count, args.balanced)
    for part, label in enumerate(_with_progress(labels), start=args.first):
        name = f"seed{line.options.seed}-{part:06d}.{args.format}"
        _write(args.out / label / name, line.image(part, label))
    _report(args.out, labels, args.json)
    return 0


def _line(uri: str, seed: int | None) -> SimulatedLine:
    from edge.sim import SimulatedLine
    from edge.sim.options import parse

    options = parse(uri)
    if options.trigger != "part":
        raise ConfigError("--line: expected trigger=part, because an image has one label; got trigger=free")
    return SimulatedLine(options if seed is None else dataclasses.replace(options, seed=seed))


def _labels(line: SimulatedLine, first: int, count: int, balanced: bool) -> list[str]:
    """The label of each image: the truth, or every possible label in turn."""
    if not balanced:
        return [line.truth(part) for part in range(first, first + count)]
    turn = ("whole", *line.options.kinds)
    return [turn[part % len(turn)] for part in range(count)]


def _write(path: Path, image: Image) -> None:
    """Writes under another name first, so that no half image is ever found under this one."""
    import cv2

    draft = path.with_suffix(".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
        draft.replace(path)
    except OSError as error:
        place = path.parent.parent
        raise StateError(f"{place}: cannot write images: {error.strerror}; name a folder to write to") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _with_progress(items: Sequence[T]) -> Iterator[T]:
    """The items; once they take longer than two seconds, standard error says how far they are."""
    begun = shown = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - begun > _QUIET_S and now - shown > _REFRESH_S:
            sys.stderr.write(f"\r{done} of {len(items)} images")
            sys.stderr.flush()
            shown = now
        yield item
    if shown > begun:
        sys.stderr.write(f"\r{len(items)} of {len(items)} images\n")


def _report(out: Path, labels: list[str], as_json: bool) -> None:
    counts = dict(sorted(collections.Counter(labels).items()))
    if as_json:
        text = json.dumps({"folder": str(out), "images": counts}, ensure_ascii=False)
    else:
        text = f"{out}: " + ", ".join(f"{count} {label}" for label, count in counts.items())
    sys.stdout.write(text + "\n")


def _whole_number(least: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text!r}")
        return int(text)

    return convert
