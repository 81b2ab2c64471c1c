"""Bad input to ``edge convert``, through real processes: one clear line, and what was there stays as it was.

The processes are forked from one that has imported TensorFlow (``tests/support/forkserver.py``).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.quiet import quietly, tensorflow
from tests.support.daemon import wait_until
from tests.support.kept import kept

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.xdist_group("tensorflow processes")]

Convert = Callable[..., subprocess.Popen[str]]
Make = Callable[[Path], tuple[Path, Path, list[str]]]
"""In a folder: the model, the pictures, further options."""


IN_A_FULL_FOLDER = """
import ctypes, os, pathlib, subprocess, sys

full, out, *arguments = sys.argv[1:]
user, group = os.geteuid(), os.getegid()
new_mount, new_user = 0x00020000, 0x10000000
if ctypes.CDLL(None).unshare(new_mount | (new_user if user else 0)):
    sys.exit(99)
if user:
    for name, line in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
        pathlib.Path("/proc/self", name).write_text(line)
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", full], check=True)  # it ends with the process
pathlib.Path(full, "filler").write_bytes(bytes(1040000))
pathlib.Path(out).write_text("old")

from edge.cli.main import main

status = main(arguments)
for path in sorted(pathlib.Path(out).parent.iterdir()):
    if path.name != "filler":
        print(path.name, path.read_text("utf-8", "replace"))
sys.exit(status)
"""


@pytest.fixture
def edge_convert(tensorflow_python: Path, tmp_path: Path) -> Convert:
    """``edge_convert(model, "--data", data, …)``: the command's process; its temporary files go to ``tmp``."""

    def start(*arguments: object, command: tuple[object, ...] = ("-m", "edge.cli.main")) -> subprocess.Popen[str]:
        (tmp_path / "tmp").mkdir(exist_ok=True)
        return subprocess.Popen(
            [str(one) for one in (tensorflow_python, *command, "convert", *arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )

    return start


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
    made = kept("dark-or-light.keras", partial(make_model, inputs, weight), inputs, weight)
    return Path(shutil.copy(made, folder / "model.keras"))


def make_model(inputs: int, weight: float, path: Path) -> None:
    tensorflow()
    import keras

    layers = keras.layers
    every = [keras.Input((8, 8, 3)) for _ in range(inputs)]
    joined = layers.Add()(every) if inputs > 1 else every[0]
    dense = layers.Dense(2, activation="softmax")
    network = keras.Model(every if inputs > 1 else joined, dense(layers.GlobalAveragePooling2D()(joined)))
    dense.set_weights([np.array([[-weight, weight]] * 3) / 3, np.array([weight / 2, -weight / 2])])
    with quietly("saving"):
        network.save(path)


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
def test_bad_input_is_one_clear_line_and_leaves_what_was_there(
    edge_convert: Convert, tmp_path: Path, make: Make, message: str
) -> None:
    source, data, options = make(tmp_path)
    out = tmp_path / "out" / "model.tflite"
    out.parent.mkdir()
    out.write_bytes(b"old")
    child = edge_convert(source, "--data", data, "-o", out, *options)
    _, said = child.communicate(timeout=300)
    assert child.returncode == 8, said
    assert message in said.splitlines()[-1]
    assert "Traceback" not in said
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == {"model.tflite": b"old"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_corrupt_picture_among_good_ones_is_named_and_passed_over(edge_convert: Convert, tmp_path: Path) -> None:
    source, data = model(tmp_path), pictures(tmp_path / "data")
    broken = data / "dark" / "3.png"
    broken.write_bytes(broken.read_bytes()[:40])
    out = tmp_path / "model.tflite"
    child = edge_convert(source, "--data", data, "-o", out, "--range", "0..1", "--json")
    report, said = child.communicate(timeout=300)
    assert child.returncode == 0, said
    assert f"warning: {broken} cannot be read as a picture; skipped" in said
    assert json.loads(report)["damaged"] == [str(broken)]
    assert out.exists()


@pytest.mark.parametrize("full", ["out", "tmp"])
def test_a_disk_that_fills_up_is_one_clear_line_and_leaves_what_was_there(
    edge_convert: Convert, tmp_path: Path, full: str
) -> None:
    """A real file system of 1 MB with 8 kB free, where the artifact goes, or where temporary files go."""
    source, data = model(tmp_path), pictures(tmp_path / "data")
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "model.tflite"
    command = ("-c", IN_A_FULL_FOLDER, tmp_path / full, out)
    child = edge_convert(source, "--data", data, "-o", out, "--range", "0..1", command=command)
    left, said = child.communicate(timeout=300)
    assert child.returncode == 8, said
    assert re.search(r"(cannot be|be) (read or )?written \(No space left on device\).*", said.splitlines()[-1])
    assert "Traceback" not in said
    assert left == "model.tflite old\n"


@pytest.mark.parametrize("at", ["calibrating", "checking and writing"])
def test_a_conversion_that_is_killed_leaves_nothing_beside_the_artifact(
    edge_convert: Convert, tmp_path: Path, at: str
) -> None:
    source, data = model(tmp_path), pictures(tmp_path / "data")
    out = tmp_path / "out" / "model.tflite"
    out.parent.mkdir()
    out.write_bytes(b"old")
    child = edge_convert(source, "--data", data, "-o", out, "--range", "0..1")
    assert child.stderr is not None
    assert any(line.startswith(at) for line in child.stderr)
    if at == "checking and writing":
        wait_until(lambda: a_runtime_loads_the_artifact(tmp_path), 300)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate(timeout=300)
    assert child.returncode == -signal.SIGKILL
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == {"model.tflite": b"old"}


def a_runtime_loads_the_artifact(folder: Path) -> bool:
    """Whether a child of the command that runs in ``folder`` has the finished file, which has no name yet."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().split(b"\0")
            if (process / "cwd").readlink() == folder and b"converter.measurement.runner" in command:
                return any(b"/fd/" in word for word in command)
    return False
