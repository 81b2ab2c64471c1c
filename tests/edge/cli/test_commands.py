"""Every command: documented, with one example in its help; bad input is one clear line and a listed exit status."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from edge.cli.main import COMMANDS, build_parser, main
from edge.errors import EdgeError

ROOT = Path(__file__).parents[3]
README = ROOT / "edge" / "cli" / "README.md"


@cache
def parsers() -> dict[str, argparse.ArgumentParser]:
    """Every command and sub-command by the words that call it."""
    found: dict[str, argparse.ArgumentParser] = {}

    def walk(parser: argparse.ArgumentParser, words: str) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, child in action.choices.items():
                    walk(child, f"{words} {name}".strip())
        if words:
            found[words] = parser

    walk(build_parser(), "")
    return found


@pytest.mark.parametrize("words", parsers())
def test_every_command_has_help_with_one_example(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*words.split(), "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.count("Example: edge ") == 1


@pytest.mark.parametrize("words", parsers())
def test_every_command_and_option_is_in_the_readme(words: str) -> None:
    readmes = [*(ROOT / "edge").rglob("README.md"), *(ROOT / "converter").rglob("README.md")]
    text = "".join(path.read_text("utf-8") for path in readmes)
    assert f"edge {words}" in text
    for action in parsers()[words]._actions:
        spellings = [re.escape(option) for option in action.option_strings]
        if spellings and "--help" not in action.option_strings:
            shown = re.search(rf"(?<![\w-])({'|'.join(spellings)})(?![\w-])", text)
            assert shown, f"{action.option_strings} of edge {words} is not documented"


def test_every_exit_status_is_in_the_readme() -> None:
    listed = {int(status) for status in re.findall(r"^\| (\d+) \|", README.read_text("utf-8"), re.MULTILINE)}
    used = {kind.exit_status for kind in EdgeError.__subclasses__()} | {0, 1, 2, 130}
    assert used <= listed


def test_unknown_commands_are_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["rnu"])
    assert caught.value.code == 2
    assert "run" in capsys.readouterr().err


def test_the_commands_start_without_numpy_opencv_or_tensorflow() -> None:
    program = (
        "import sys; from edge.cli.main import build_parser; build_parser();"
        "print([name for name in ('numpy', 'cv2', 'tensorflow', 'paho') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert set(COMMANDS) == {words for words in parsers() if " " not in words}


def test_predict_prints_one_json_object_a_line(
    artifact: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(artifact), str(photos), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 30
    assert set(lines[0]) == {"path", "label", "score", "scores", "latency_ms"}
    assert [line["label"] for line in lines[:3]] == ["red", "green", "blue"]
    assert lines[4]["path"] == str(photos / "04.png")
    assert lines[4]["scores"]["green"] == lines[4]["score"]
    assert lines[4]["latency_ms"] > 0


def test_predict_names_what_it_cannot_read_and_judges_the_rest(
    artifact: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "03.png").write_bytes(b"damaged")
    assert main(["predict", str(artifact), str(photos), str(photos / "none.png"), str(photos / "05.png")]) == 5
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 30
    assert len(said.err.splitlines()) == 2
    assert "03.png: not a picture" in said.err
    assert "none.png" in said.err


def test_inspect_says_what_is_stated_and_by_whom(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(artifact), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "artifact"
    assert facts["colour"] == {"value": "RGB", "by": "manifest"}
    assert facts["labels"]["value"] == ["red", "green", "blue"]


def test_inspect_says_what_a_foreign_model_leaves_open(
    colour_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(colour_model)]) == 0
    assert "open:        does not state its colour order" in capsys.readouterr().out


def test_doctor_finds_this_machine_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    checks = {row["check"]: row["state"] for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert checks["runtime"] == checks["opencv"] == checks["python"] == checks["board"] == "ok"


def test_doctor_says_what_slows_a_board_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge.device.health.system.throttled", lambda: ("under-voltage", "throttled"))
    monkeypatch.setattr("edge.device.health.system.temperature_c", lambda: 84.6)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    assert said.startswith("! board")
    assert said.endswith("85 °C, under-voltage, throttled; look at its power supply and cooling")


def test_doctor_names_everything_that_is_wrong_at_once(
    tmp_path: Path, write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "occupied").write_text("a file, not a folder")
    config = write_config(
        source="camera://97", model=tmp_path / "none.tflite", state="occupied", broker="mqtt://127.0.0.1:1"
    )
    assert main(["doctor", "-c", str(config), "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    states = {row["check"]: row["state"] for row in rows}
    assert states["model"] == states["source"] == states["state"] == "fail"
    assert states["broker"] == "warn"


def test_doctor_says_what_opencv_lacks_on_a_machine_without_a_desktop(tmp_path: Path) -> None:
    # What the dynamic loader says there; the real library cannot be taken away under a running test.
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    words = [sys.executable, "-m", "edge.cli.main", "doctor"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "✗ opencv       ImportError: libGL.so.1" in done.stdout
    assert "apt-get install --no-install-recommends libgl1" in done.stdout


def test_run_check_says_that_a_configuration_is_correct(
    write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-c", str(write_config()), "--check"]) == 0
    assert "correct; model colour with 3 labels runs here" in capsys.readouterr().out


def test_run_reports_every_frame(write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-c", str(write_config()), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["captured"] == report["decided"] == report["buffered"] == 30
    assert report["dropped"] == {}
    assert main(["run", "-c", str(write_config())]) == 0
    assert "captured 30 = decided 30 + dropped 0 (none)" in capsys.readouterr().out


BAD = [
    ({"source": "camera://97"}, 5, "/dev/video97"),
    ({"source": "nowhere"}, 5, "nowhere"),
    ({"source": "sim://line?lihgt=2"}, 3, "light"),
    ({"source": "ftp://x"}, 3, "ftp"),
    ({"model": "none.tflite"}, 4, "none.tflite: no such file"),
    ({"model": "edge.toml"}, 4, "not a TFLite model"),
    ({"state": "/proc/nothing"}, 6, "/proc/nothing"),
    ({"reject": ["rde"]}, 3, "has no label 'rde'"),
    ({"gate": "sim:/"}, 3, "gate"),
    ({"broker": "http://x"}, 3, "broker"),
    ({"extra": "[drfit]\nwindow = 3"}, 3, "drfit: unknown key; did you mean 'drift'?"),
    ({"extra": "[drift]\nwindow = 3"}, 3, "drift.window: expected a number from 30"),
    ({"extra": "]["}, 3, "not valid TOML"),
]


@pytest.mark.parametrize(("changes", "status", "names"), BAD)
def test_bad_input_is_one_clear_line_and_a_listed_status(
    write_config: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, object],
    status: int,
    names: str,
) -> None:
    assert main(["run", "-c", str(write_config(**changes))]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("edge: ")
    assert names in said.err


def test_a_second_daemon_on_the_same_state_is_refused(
    write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from edge.device.buffer.lock import locked
    from edge.device.config import load_config

    config = write_config()
    with locked(load_config(config).device.state):
        assert main(["run", "-c", str(config)]) == 6
    assert "another daemon uses it" in capsys.readouterr().err
