from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converter import cli
from converter.data.dataset import Dataset, find
from converter.data.samples import read
from converter.progress import Progress
from converter.report.provenance import command, created, provenance
from converter.settings import Settings
from edge.inference.artifact.manifest import InputSpec

SPEC = InputSpec(height=16, width=16, channels=3, dtype="uint8")
EVERYTHING = Settings(
    evaluation=Path("more photos"),
    labels=Path("labels.txt"),
    range="-1..1",
    colour="BGR",
    resize="crop",
    interpolation="linear",
    name="cookie",
    version=7,
    calibration=50,
    c_array=True,
    seed=3,
)


@pytest.mark.parametrize("settings", [Settings(), EVERYTHING, replace(EVERYTHING, labels=None, c_array=False)])
def test_the_command_line_means_the_settings(settings: Settings):
    parser = argparse.ArgumentParser()
    cli.add(parser.add_subparsers())
    line = command(Path("a model.keras"), Path("it's data"), Path("out.tflite"), settings)
    args = parser.parse_args(shlex.split(line)[1:])
    assert (args.model, args.data, args.out) == (Path("a model.keras"), Path("it's data"), Path("out.tflite"))
    assert cli.settings_of(args) == settings


def test_created_is_the_models_own_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "variables").mkdir()
    for number, name in enumerate(("saved_model.pb", "variables/data")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 86400 * (number + 1)))
    assert created(tmp_path / "saved_model.pb") == "1970-01-02T00:00:00Z"
    assert created(tmp_path) == "1970-01-03T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert created(tmp_path) == "2023-11-14T22:13:20Z"


def test_the_data_digest_is_of_pixels_and_labels_and_not_of_names(pictures: Path, tmp_path: Path):
    model = tmp_path / "model.keras"
    model.write_bytes(b"weights")

    def digest(dataset: Dataset) -> str:
        return provenance(model, pictures, tmp_path / "o", Settings(), read(dataset, SPEC, Progress())).data_sha256

    whole = find(pictures)
    backwards = whole.take(np.arange(len(whole))[::-1])
    mislabelled = replace(whole, classes=np.roll(whole.classes, 1))
    assert digest(whole) == digest(backwards) != digest(mislabelled)
