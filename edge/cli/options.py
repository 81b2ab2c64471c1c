"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from edge.choices import Colour, Range, RuntimeChoice

if TYPE_CHECKING:
    from edge.artifact.describe import Given

Subparsers = Any
"""argparse names the type of its subparsers action only privately."""


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """``--runtime``, ``--threads``, and what a foreign model may not state itself."""
    parser.add_argument("--runtime", choices=get_args(RuntimeChoice), default="auto", help="default: auto")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of the interpreter; default: 1")
    foreign = parser.add_argument_group("for a foreign .tflite, what it does not state itself")
    foreign.add_argument("--labels", type=Path, metavar="FILE", help="one label a line")
    foreign.add_argument("--colour", choices=get_args(Colour), help="colour order of the input")
    foreign.add_argument("--range", choices=get_args(Range), help="what pixel values become; write --range=-1..1")


def given(args: argparse.Namespace) -> Given:
    """What the options say of a foreign model."""
    from edge.artifact.describe import Given

    return Given(args.labels, args.colour, args.range)
