"""Which set-up is in force, and the file that says so."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import ConfigError, StateError
from edge.inference.interpreter import Delegate, Machine, Setup, Wanted
from edge.inference.tuning import SetupTiming, TuningRun, choose_setup, read_entries, tuning_path, write_entry

MODEL, OTHER = "a" * 64, "b" * 64
SLOW, FAST = SetupTiming(Setup("tflite-runtime", 1), 9.0, 10.0), SetupTiming(Setup("litert", 2), 5.0, 6.0)
BEST = SetupTiming(Setup("litert", 1, True, Delegate("/usr/lib/libc.so.6")), 1.0, 1.1)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """Where the artifact would be; only its name matters."""
    return tmp_path / "models" / "cookie.tflite"


def entry(*measured: SetupTiming, model: str = MODEL) -> TuningRun:
    return TuningRun(model, Machine.this(), "2026-01-02T03:04:05Z", "640x480", measured or (SLOW, FAST))


def test_without_a_file_the_default_is_in_force(artifact: Path) -> None:
    choice = choose_setup(artifact, MODEL, Wanted())
    assert choice.setup == Setup("litert", 1, True)
    assert choice.why == "default, not tuned"
    assert choose_setup(artifact, MODEL, Wanted(threads=3)).why == "as set"


def test_what_was_measured_here_is_in_force(artifact: Path) -> None:
    write_entry(tuning_path(artifact, None), entry())
    choice = choose_setup(artifact, MODEL, Wanted())
    assert choice.setup == FAST.setup
    assert choice.why.startswith("tuned 2026-01-02, cookie.tune.json: p50 5.000 ms")


def test_the_state_folders_file_comes_first(artifact: Path, tmp_path: Path) -> None:
    write_entry(tuning_path(artifact, None), entry())
    write_entry(tuning_path(artifact, tmp_path), entry(SLOW))
    assert choose_setup(artifact, MODEL, Wanted(), tmp_path).setup == SLOW.setup
    assert choose_setup(artifact, MODEL, Wanted(), tmp_path / "other").setup == FAST.setup


def test_what_is_set_explicitly_wins(artifact: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    write_entry(tuning_path(artifact, None), entry())
    assert choose_setup(artifact, MODEL, Wanted("tflite-runtime")).setup == SLOW.setup
    assert choose_setup(artifact, MODEL, Wanted(threads=1)).setup == SLOW.setup
    assert choose_setup(artifact, MODEL, Wanted(threads=2)).setup == FAST.setup
    assert not caplog.records
    assert choose_setup(artifact, MODEL, Wanted(threads=4)).setup == Setup("litert", 4)
    assert "nothing measured with what is set" in caplog.text


@pytest.mark.parametrize(
    ("stale", "said"),
    [
        (entry(model=OTHER), "measured with another model"),
        (replace(entry(), machine=replace(Machine.this(), cpu="Z80")), "measured on Z80, .*; this is "),
        (replace(entry(), machine=replace(Machine.this(), cores=99)), "99 cores"),
        (replace(entry(), machine=replace(Machine.this(), runtimes={"litert": "1.0"})), "litert 1.0; this is"),
    ],
)
def test_a_stale_entry_is_passed_over_and_said(
    artifact: Path, caplog: pytest.LogCaptureFixture, stale: TuningRun, said: str
) -> None:
    caplog.set_level(logging.INFO)
    write_entry(tuning_path(artifact, None), stale)
    assert choose_setup(artifact, MODEL, Wanted()).why == "default, not tuned"
    assert len(caplog.records) == 1
    assert caplog.records[0].message.startswith(str(artifact.with_name("cookie.tune.json")))
    assert re.search(said, caplog.text)


def test_a_file_beside_the_model_cannot_make_a_library_load(artifact: Path, tmp_path: Path) -> None:
    write_entry(tuning_path(artifact, None), entry(SLOW, FAST, BEST))
    assert choose_setup(artifact, MODEL, Wanted()).setup == FAST.setup
    assert choose_setup(artifact, MODEL, Wanted(), tmp_path).setup == FAST.setup
    assert choose_setup(artifact, MODEL, Wanted(delegate=BEST.setup.delegate)).setup == BEST.setup


def test_the_state_folders_file_can_unless_the_library_is_gone(artifact: Path, tmp_path: Path) -> None:
    write_entry(tuning_path(artifact, tmp_path), entry(FAST, BEST))
    there = choose_setup(artifact, MODEL, Wanted(), tmp_path).setup
    assert there == (BEST.setup if Path("/usr/lib/libc.so.6").exists() else FAST.setup)
    gone = replace(BEST, setup=replace(BEST.setup, delegate=Delegate("/none/libx.so")))
    write_entry(tuning_path(artifact, tmp_path), entry(FAST, gone))
    assert choose_setup(artifact, MODEL, Wanted(), tmp_path).setup == FAST.setup


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tuning.json"
    delegated = replace(BEST, setup=Setup("litert", 1, False, Delegate("a.so", (("x", "1"), ("y", "2")))))
    written = [entry(SLOW, delegated), entry(model=OTHER)]
    for one in written:
        write_entry(path, one)
    assert read_entries(path) == written
    write_entry(path, entry(FAST))
    assert read_entries(path) == [written[1], entry(FAST)]
    assert [file.name for file in path.parent.iterdir()] == ["tuning.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "entries": [{}]}', "\xff"]
)
def test_a_damaged_file_is_said_and_replaced(
    artifact: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    path = tuning_path(artifact, tmp_path)
    path.write_text(text, "latin-1")
    with pytest.raises(ConfigError, match=r"tuning\.json: .*run 'edge bench --tune' again"):
        read_entries(path)
    assert choose_setup(artifact, MODEL, Wanted(), tmp_path).why == "default, not tuned"
    assert "run 'edge bench --tune' again" in caplog.text
    write_entry(path, entry())
    assert json.loads(path.read_text())["schema"] == 1
    assert choose_setup(artifact, MODEL, Wanted(), tmp_path).setup == FAST.setup


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"file/tuning\.json: cannot be written"):
        write_entry(tmp_path / "file" / "tuning.json", entry())
