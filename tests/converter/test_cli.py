from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from converter import cli
from converter.choices import EPOCHS
from edge.errors import ConfigError


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add(parser.add_subparsers())
    return parser.parse_args(["convert", "m.keras", "--data", "d", "-o", "o.tflite", *arguments])


def test_a_negative_range_is_understood():
    args = parse("--range=-1..1", "--colour", "BGR")
    assert (args.range, args.colour, args.out) == ("-1..1", "BGR", Path("o.tflite"))


def test_every_option_is_explained():
    parser = argparse.ArgumentParser()
    command = parser.add_subparsers()
    cli.add(command)
    options = command.choices["convert"]._actions
    assert len(options) > 10
    assert all(option.help for option in options)
    assert "Example:" in command.choices["convert"].epilog


def test_an_unknown_range_names_the_known_ones(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse("--range", "0-1")
    assert "expected one of 0..255, 0..1, -1..1, torch, caffe, got '0-1'" in capsys.readouterr().err


def test_fine_tuning_has_a_number_of_epochs_of_its_own():
    assert parse().fine_tune is None
    assert parse("--fine-tune").fine_tune == EPOCHS
    assert parse("--fine-tune", "3", "--sparsity", "0.5").fine_tune == 3


def test_a_ready_model_cannot_be_fine_tuned():
    args = parse("--sparsity", "0.5")
    args.model = Path("ready.tflite")
    with pytest.raises(ConfigError, match=r"need a Keras model; a ready \.tflite is wrapped"):
        cli.run(args)
