"""``edge bench``: measured, chosen, kept, picked up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.inference.interpreter import usable_runtimes
from edge.inference.interpreter.machine import cores

pytestmark = pytest.mark.slow

RUNTIMES = [runtime.name for runtime in usable_runtimes()]
QUICK = ["--seconds", "0.05", "--frame", "64x48"]


def test_the_table_has_a_row_per_runtime_and_says_what_is_in_force(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", str(artifact), *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("runtime"))
    assert {line.split()[0] for line in lines[head + 1 : head + 1 + len(RUNTIMES)]} == set(RUNTIMES)
    assert len({len(line) for line in lines[head : head + 1 + len(RUNTIMES)]}) == 1
    assert lines[-2:] == [f"in force: {RUNTIMES[0]}, 1 thread, with XNNPACK", "why: default, not tuned"]
    assert not list(artifact.parent.glob("*.json"))


def test_tuning_is_kept_beside_the_artifact_and_picked_up(
    artifact: Path, write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", str(artifact), *QUICK, "--tune", "--json", "--runtime", RUNTIMES[-1]]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["rows"]) == cores() * 2
    assert facts["tuning_file"] == str(artifact.with_name("colour.tune.json"))
    assert facts["choice"]["setup"]["runtime"] == RUNTIMES[-1]
    assert main(["run", "-c", str(write_config()), "--check"]) == 0
    said = capsys.readouterr().out
    assert f"colour on {RUNTIMES[-1]} " in said
    assert f", {facts['choice']['setup']['threads']} thread" in said
    assert "colour.tune.json: p50" in said
    assert main(["run", "-c", str(write_config(threads=7)), "--check"]) == 0
    assert "7 threads, with XNNPACK (as set)" in capsys.readouterr().out


def test_tuning_with_a_configuration_is_kept_in_its_state_folder(
    tmp_path: Path, write_config: Callable[..., Path], delegate_library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(threads=1)
    words = ["bench", "-c", str(config), *QUICK, "--tune", "--runtime", RUNTIMES[0]]
    assert main([*words, "--no-xnnpack", "--delegate", f"{delegate_library}?take=none"]) == 0
    said = capsys.readouterr().out
    assert f"does not run with {RUNTIMES[0]}, 1 thread, without XNNPACK, {delegate_library}?take=none: " in said
    assert f"kept in {tmp_path / 'state' / 'tuning.json'}" in said
    assert main(["run", "-c", str(config), "--check"]) == 0
    assert "1 thread, without XNNPACK (tuned " in capsys.readouterr().out


def test_a_delegate_that_wins_is_kept_for_the_daemon(
    write_config: Callable[..., Path], delegate_library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The delegate of the tests answers with the picture's first pixel, which the golden samples would not allow.
    config = write_config(model=Path(__file__).parents[2] / "data" / "colour.tflite", colour="RGB", range="0..255")
    words = ["bench", "-c", str(config), *QUICK, "--tune", "--runtime", RUNTIMES[0], "--threads", "1", "--json"]
    assert main([*words, "--delegate", str(delegate_library)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [row["setup"]["delegate"] is not None for row in facts["rows"]].count(True) == 2
    state = Path(facts["tuning_file"])
    kept = json.loads(state.read_text())
    for row in kept["entries"][0]["measured"]:
        row["p50_ms"] = row["p99_ms"] = 0.001 if row["setup"]["delegate"] else 1.0
    state.write_text(json.dumps(kept))
    assert main(["run", "-c", str(config), "--check"]) == 0
    assert f"with XNNPACK, {delegate_library} (tuned " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["none.tflite"], 4, "none.tflite: no such file"),
        ([], 3, "give an ARTIFACT, or --config FILE"),
        (["{}", "--delegate", "/none/lib.so"], 10, "delegate /none/lib.so: cannot be loaded"),
        (["{}", "--delegate", "a.so?x"], 3, "expected PATH?key=value"),
        (["{}", "--colour", "BGR"], 3, "states it itself"),
    ],
)
def test_bad_input_is_one_clear_line(
    artifact: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert main(["bench", *(word.format(artifact) for word in words), *QUICK]) == status
    error = capsys.readouterr().err
    assert said in error
    assert sum(line.startswith("edge: ") for line in error.splitlines()) == 1  # a slow machine tells how far it is


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--frame", "640"], ["--threads", "0"], ["--frame", "0x5"]])
def test_numbers_out_of_range_are_refused(artifact: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bench", str(artifact), *words])
    assert caught.value.code == 2
