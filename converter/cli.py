"""``edge convert``: a trained Keras model becomes an artifact."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from converter.choices import EPOCHS, ConverterRange, Quantize
from converter.measurement.loadable import OLDEST
from edge.cli.options import add_passphrase
from edge.core.choices import Colour, Interpolation, Resize
from edge.errors import ConfigError

if TYPE_CHECKING:
    from converter.settings import Settings


def add(subparsers: Any) -> None:
    """Registers the command."""
    parser = subparsers.add_parser(
        "convert",
        help="make an artifact from a Keras model",
        description="Quantize a trained Keras image classifier and pack it with its labels, preprocessing, "
        "drift reference and golden samples into one checked .tflite; a report, OUT.html, goes beside it.",
        epilog="Example: edge convert cookie.keras --data photos/ -o cookie.tflite",
    )
    _add_inputs(parser)
    _add_preprocessing(parser.add_argument_group("what the model was trained on; found by trying when not given"))
    _add_recipe(parser)
    _add_outputs(parser)
    parser.set_defaults(run=run)


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help=".keras, .h5, .hdf5 or a SavedModel folder; a ready .tflite is wrapped",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR|CSV",
        help="labelled pictures: a folder with one folder per label, or a .csv of path,label",
    )
    parser.add_argument(
        "--eval", type=Path, metavar="DIR|CSV", help="pictures to evaluate with; default: half of --data, by --seed"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="one label a line, in the order of the outputs; default: sorted"
    )


def _add_preprocessing(given: argparse._ArgumentGroup) -> None:
    given.add_argument(
        "--range",
        type=_choice(get_args(ConverterRange)),
        metavar="RANGE",
        help="of the pixels: 0..255, 0..1, -1..1 (write --range=-1..1), torch or caffe (ImageNet's means)",
    )
    given.add_argument("--colour", choices=get_args(Colour), help="order of the channels")
    given.add_argument("--resize", choices=get_args(Resize), help="what became of pictures of another shape")
    given.add_argument("--interpolation", choices=get_args(Interpolation), help="what they were resized with")


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    recipe = parser.add_mutually_exclusive_group()
    recipe.add_argument(
        "--quantize",
        choices=get_args(Quantize),
        default="int8",
        help="int8 (default): integers throughout; mixed: the layers that lose most stay float32; dynamic: int8 "
        "weights only; int16x8: int16 activations; float16: half the size; none: float32",
    )
    recipe.add_argument(
        "--target-drop",
        type=float,
        metavar="POINTS",
        help="try every recipe and take the lightest that loses at most so many points of accuracy",
    )
    parser.add_argument(
        "--fine-tune",
        type=int,
        nargs="?",
        const=EPOCHS,
        metavar="EPOCHS",
        help=f"train the weights for the rounding, the float model being the teacher; EPOCHS: {EPOCHS}",
    )
    parser.add_argument(
        "--sparsity",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the weights that become zero, and train the others to do without them",
    )
    parser.add_argument(
        "--calibration", type=int, default=200, metavar="N", help="most pictures to calibrate with; default: 200"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the split and the samples; default: 0")


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="the .tflite to write")
    parser.add_argument("--name", metavar="ID", help="model id; default: the name of OUT")
    parser.add_argument(
        "--model-version", type=int, default=1, metavar="N", help="rises with each artifact; default: 1"
    )
    parser.add_argument("--c-array", action="store_true", help="also write the model as OUT.c and OUT.h, in C11")
    parser.add_argument("--onnx", action="store_true", help="also write the float model as OUT.onnx")
    parser.add_argument(
        "--min-runtime",
        default=OLDEST,
        metavar="VERSION",
        help=f"oldest TFLite runtime that must be able to run it; default: {OLDEST}",
    )
    parser.add_argument("--sign", type=Path, metavar="KEYFILE", help="sign it; make a key with 'edge keys new'")
    add_passphrase(parser)
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Progress goes to standard error, the report to standard output."""
    from converter.convert import convert
    from converter.progress import Progress
    from converter.wrapping import wrap
    from edge.core.structs import plain

    if args.model.suffix == ".tflite" and (args.fine_tune is not None or args.sparsity):
        raise ConfigError("--fine-tune and --sparsity need a Keras model; a ready .tflite is wrapped as it is")
    # A descriptor of its own: 2 is redirected while TensorFlow works.
    with os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace") as stream:
        make = wrap if args.model.suffix == ".tflite" else convert
        report = make(args.model, args.data, args.out, settings_of(args), Progress(stream))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name that is not UTF-8
    text = json.dumps(plain(report), ensure_ascii=False) if args.json else report.summary()
    sys.stdout.write(text + "\n")
    return 0


def settings_of(args: argparse.Namespace) -> Settings:
    """The options as the Python API takes them."""
    from converter.settings import Settings

    return Settings(
        evaluation=args.eval,
        labels=args.labels,
        range=args.range,
        colour=args.colour,
        resize=args.resize,
        interpolation=args.interpolation,
        name=args.name,
        version=args.model_version,
        calibration=args.calibration,
        onnx=args.onnx,
        min_runtime=args.min_runtime,
        quantize=args.quantize,
        target_drop=args.target_drop,
        fine_tune=args.fine_tune,
        sparsity=args.sparsity,
        seed=args.seed,
        c_array=args.c_array,
        sign=args.sign,
        passphrase_file=args.passphrase_file,
    )


def _choice(names: tuple[str, ...]) -> Any:
    """argparse's ``choices`` would show -1..1 as if it could follow a space."""

    def parse(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(names)}, got {text!r}")
        return text

    return parse
