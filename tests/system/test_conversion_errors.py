"""Bad input to ``edge convert``, through real processes: one clear line, and what was there stays as it was."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.quiet import quietly, tensorflow

pytestmark = [pytest.mark.system, pytest.mark.slow]

Make = Callable[[Path], tuple[Path, Path, list[str]]]
"""In a folder: the model, the pictures, further options."""


def edge_convert(*arguments: object, tmp: Path, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """``tmp`` is for temporary files; ``before`` is a program that runs the command."""
    tmp.mkdir(exist_ok=True)
    command = [*before, sys.executable, "-m", "edge.cli.main", "convert", *map(str, arguments)]
    environment = os.environ | {"TMPDIR": str(tmp), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def pictures(folder: Path, labels: tuple[str, ...] = ("dark", "light"), count: int = 8) -> Path:
    rng = np.random.default_rng(0)
    for place, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(120 * (place % 2), 120 * (place % 2) + 120, (12, 12, 3)).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"{number}.png"), picture)
    return folder


def model(folder: Path, inputs: int = 1, weight: float = 20.0) -> Path:
    """Dark or light by the mean of a picture, 0..1."""
    tensorflow()
    import keras

    layers = keras.layers
    every = [keras.Input((8, 8, 3)) for _ in range(inputs)]
    joined = layers.Add()(every) if inputs > 1 else every[0]
    dense = layers.Dense(2, activation="softmax")
    network = keras.Model(every if inputs > 1 else joined, dense(layers.GlobalAveragePooling2D()(joined)))
    dense.set_weights([np.array([[-weight, weight]] * 3) / 3, np.array([weight / 2, -weight / 2])])
    path = folder / "model.keras"
    with quietly("saving"):
        network.save(path)
    return path


def an_empty_folder(folder: Path) -> tuple[Path, Path, list[str]]:
    (folder / "data").mkdir()
    return model(folder), folder / "data", []


def one_class(folder: Path) -> tuple[Path, Path, list[str]]:
    return model(folder), pictures(folder / "data", ("dark",)), []


def labels_that_do_not_match(folder: Path) -> tuple[Path, Path, list[str]]:
    return model(folder), pictures(folder / "data", ("dark", "light", "other")), []


def nothing_but_corrupt_pictures(folder: Path) -> tuple[Path, Path, list[str]]:
    data = pictures(folder / "data")
    for path in (data / "dark").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    return model(folder), data, []


def two_inputs(folder: Path) -> tuple[Path, Path, list[str]]:
    return model(folder, inputs=2), pictures(folder / "data"), []


def weights_that_are_not_numbers(folder: Path) -> tuple[Path, Path, list[str]]:
    return model(folder, weight=float("nan")), pictures(folder / "data"), []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (an_empty_folder, "data: expected one folder per label, two or more; found none"),
        (one_class, "data: expected one folder per label, two or more; found dark"),
        (labels_that_do_not_match, "3 labels (dark, light, other) for a model with 2 classes"),
        (nothing_but_corrupt_pictures, "label 'dark': none of its pictures can be read"),
        (two_inputs, "model.keras: 2 inputs"),
        (weights_that_are_not_numbers, "holds NaN or infinity; train the model again"),
    ],
    ids=lambda value: value.__name__.replace("_", " ") if callable(value) else "",
)
def test_bad_input_is_one_clear_line_and_leaves_what_was_there(tmp_path: Path, make: Make, message: str) -> None:
    source, data, options = make(tmp_path)
    out = tmp_path / "out" / "model.tflite"
    out.parent.mkdir()
    out.write_bytes(b"old")
    child = edge_convert(source, "--data", data, "-o", out, *options, tmp=tmp_path / "tmp")
    _, said = child.communicate(timeout=300)
    assert child.returncode == 8, said
    assert message in said.splitlines()[-1]
    assert "Traceback" not in said
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == {"model.tflite": b"old"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_corrupt_picture_among_good_ones_is_named_and_passed_over(tmp_path: Path) -> None:
    source, data = model(tmp_path), pictures(tmp_path / "data")
    broken = data / "dark" / "3.png"
    broken.write_bytes(broken.read_bytes()[:40])
    out = tmp_path / "model.tflite"
    child = edge_convert(source, "--data", data, "-o", out, "--range", "0..1", "--json", tmp=tmp_path / "tmp")
    report, said = child.communicate(timeout=300)
    assert child.returncode == 0, said
    assert f"warning: {broken} cannot be read as a picture; skipped" in said
    assert json.loads(report)["damaged"] == [str(broken)]
    assert out.exists()


@pytest.mark.parametrize("full", ["out", "tmp"])
def test_a_disk_that_fills_up_is_one_clear_line_and_leaves_what_was_there(tmp_path: Path, full: str) -> None:
    """A real file system of 1 MB with 8 kB free, where the artifact goes, or where temporary files go."""
    source, data = model(tmp_path), pictures(tmp_path / "data")
    (tmp_path / "out").mkdir()
    script = (
        f'mount -t tmpfs -o size=1m tmpfs "{tmp_path / full}" || exit 99\n'
        f'head -c 1040000 /dev/zero > "{tmp_path / full}/filler"\n'
        f'printf old > "{tmp_path}/out/model.tflite"\n'
        f'"$@"; status=$?; cd "{tmp_path}/out" && tail -n +1 -- $(ls -A | grep -v filler); exit $status'
    )
    rootless = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    before = ["unshare", *rootless, "--mount", "sh", "-c", script, "sh"]  # the mount ends with the process
    out = tmp_path / "out" / "model.tflite"
    child = edge_convert(source, "--data", data, "-o", out, "--range", "0..1", tmp=tmp_path / "tmp", before=before)
    left, said = child.communicate(timeout=300)
    assert child.returncode == 8, said
    assert re.search(r"(cannot be|be) (read or )?written \(No space left on device\).*", said.splitlines()[-1])
    assert "Traceback" not in said
    assert left == "old"


@pytest.mark.parametrize("at", ["calibrating", "checking and writing"])
def test_a_conversion_that_is_killed_leaves_nothing_beside_the_artifact(tmp_path: Path, at: str) -> None:
    source, data = model(tmp_path), pictures(tmp_path / "data")
    out = tmp_path / "out" / "model.tflite"
    out.parent.mkdir()
    out.write_bytes(b"old")
    child = edge_convert(source, "--data", data, "-o", out, "--range", "0..1", tmp=tmp_path / "tmp")
    assert child.stderr is not None
    assert any(line.startswith(at) for line in child.stderr)
    # The last step takes a second: the finished file is loaded on every runtime before it has its name.
    time.sleep(0.3)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == {"model.tflite": b"old"}
