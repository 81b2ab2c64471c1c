"""``edge calibrate``: learns what the belt looks like without parts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.options import Subparsers
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.inference.parts import Box, Calibration

SUSPICIOUS = 0.05
"""Share of samples that were not belt, from which on the belt was not empty."""


def add(subparsers: Subparsers) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "calibrate",
        help="learn the empty belt, so that parts can be found on it",
        description="Learn what a camera sees of the empty belt; [parts] calibration in edge.toml names the file.",
        epilog="Example: edge calibrate camera://0 -o belt.json",
    )
    parser.add_argument("source", metavar="SOURCE", help="camera, video or other frame source, as in edge.toml")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the calibration to write")
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="pictures to learn from; default: 60")
    parser.add_argument("--region", metavar="X,Y,W,H", help="where the belt is, pixels; default: the whole picture")
    parser.add_argument("--preview", type=Path, metavar="PNG", help="also write what is taken for the belt")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Says how much of the belt was covered: an empty one is best."""
    from edge.inference.parts import calibrate

    if args.frames < 3:
        raise ConfigError(f"--frames {args.frames}: expected 3 or more")
    calibration = calibrate(args.source, args.frames, _region(args.region))
    if args.preview is not None:
        calibration.save_picture(args.preview)
    calibration.save(args.out)
    sys.stdout.write(_said(args.out, calibration) + "\n")
    return 0


def _said(out: Path, calibration: Calibration) -> str:
    x, y, width, height = calibration.region
    lines = [
        f"{out}: the belt at {x},{y}, {width}×{height} of {calibration.width}×{calibration.height} pixels; "
        f"{calibration.occupied:.1%} of what was seen was not belt"
    ]
    if calibration.occupied > SUSPICIOUS:
        lines.append(
            "the belt was not empty; that does when it moved: look at --preview, or calibrate on an empty one"
        )
    return "\n".join(lines)


def _region(text: str | None) -> Box | None:
    from edge.inference.parts import Box

    if text is None:
        return None
    try:
        x, y, w, h = (int(number) for number in text.split(","))
    except ValueError:
        raise ConfigError(f"--region {text}: expected X,Y,W,H in pixels, such as 0,60,640,300") from None
    return Box(x, y, w, h)
