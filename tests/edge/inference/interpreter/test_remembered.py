"""The child process is spared where the same model did well before, and only there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import ArtifactError
from edge.inference.artifact.describe import Given
from edge.inference.interpreter import Delegate, Setup, checked, remembered
from edge.inference.model import load

GIVEN = Given(colour="RGB", range="0..255")


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Setup]:
    """The set-ups that were tried in a child process."""
    tried: list[Setup] = []
    real = remembered.check_in_child

    def check(model: bytes, setup: Setup) -> None:
        tried.append(setup)
        real(model, setup)

    monkeypatch.setattr(remembered, "check_in_child", check)
    return tried


def test_a_second_start_needs_no_child(colour_model: Path, tmp_path: Path, children: list[Setup]) -> None:
    for _ in range(3):
        load(colour_model, given=GIVEN, state=tmp_path)
    assert len(children) == 1


def test_without_a_state_folder_every_load_is_tried(
    colour_model: Path, tmp_path: Path, children: list[Setup]
) -> None:
    for state in (None, None, tmp_path / "none", tmp_path / "none"):
        load(colour_model, given=GIVEN, state=state)
    assert len(children) == 4
    assert not (tmp_path / "none").exists()


def test_another_model_or_setup_is_tried_again(colour_model: Path, tmp_path: Path, children: list[Setup]) -> None:
    model = colour_model.read_bytes()
    for _ in range(2):
        for content, setup in ((model, Setup()), (model, Setup(threads=2)), (model + b"\0", Setup())):
            with checked(content, setup, tmp_path):
                pass
    assert len(children) == 3


def test_another_runtime_version_is_tried_again(
    colour_model: Path, tmp_path: Path, children: list[Setup], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(colour_model, given=GIVEN, state=tmp_path)
    newer = replace(remembered.find_runtime("auto"), version="99.0")
    monkeypatch.setattr(remembered, "find_runtime", lambda choice: newer)
    load(colour_model, given=GIVEN, state=tmp_path)
    assert len(children) == 2


def test_a_delegates_library_that_was_replaced_is_tried_again(
    colour_model: Path, tmp_path: Path, children: list[Setup], delegate_library: Path
) -> None:
    library = tmp_path / "libcopy.so"
    setup = Setup(delegate=Delegate(str(library)))
    for _ in range(2):
        library.unlink(missing_ok=True)
        library.write_bytes(delegate_library.read_bytes())
        for _ in range(2):
            with checked(colour_model.read_bytes(), setup, tmp_path):
                pass
    assert len(children) == 2


def test_a_delegate_by_its_plain_name_is_tried_each_time(
    colour_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Setup] = []
    monkeypatch.setattr(remembered, "check_in_child", lambda model, setup: tried.append(setup))
    for _ in range(2):
        with checked(b"model", Setup(delegate=Delegate("libedgetpu.so.1")), tmp_path):
            pass
    assert len(tried) == 2


def test_what_raises_during_the_load_is_tried_again(
    colour_model: Path, tmp_path: Path, children: list[Setup]
) -> None:
    model = colour_model.read_bytes()
    with checked(model, Setup(), tmp_path):
        pass
    with pytest.raises(ArtifactError), checked(model, Setup(), tmp_path):
        raise ArtifactError("golden samples come out otherwise")
    with checked(model, Setup(), tmp_path):
        pass
    assert len(children) == 2


def test_a_load_that_kills_the_process_is_tried_again(
    colour_model: Path, tmp_path: Path, children: list[Setup]
) -> None:
    with checked(colour_model.read_bytes(), Setup(), tmp_path):
        pass
    dying = (
        "import os, sys, pathlib\nfrom edge.inference.interpreter import Setup, checked\n"
        "with checked(pathlib.Path(sys.argv[1]).read_bytes(), Setup(), pathlib.Path(sys.argv[2])): os.abort()"
    )
    done = subprocess.run([sys.executable, "-c", dying, str(colour_model), str(tmp_path)], check=False)
    assert done.returncode == -6
    with checked(colour_model.read_bytes(), Setup(), tmp_path):
        pass
    assert len(children) == 2


def test_only_so_many_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "check_in_child", lambda model, setup: None)
    for number in range(remembered.KEPT + 5):
        with checked(bytes([number]), Setup(), tmp_path):
            pass
    assert len(list((tmp_path / remembered.FOLDER).iterdir())) == remembered.KEPT
