from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from converter import cli


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
