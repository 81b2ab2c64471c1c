"""``edge simulate images`` writes a data set that the converter reads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.cli import simulate
from edge.errors import ConfigError, StateError
from edge.sim import LABELS, SimulatedLine

SMALL = "sim://line?width=64&height=48&defects=0.5"


@pytest.fixture
def run() -> Callable[..., int]:
    """Runs ``edge simulate images`` with these arguments."""
    parser = argparse.ArgumentParser(prog="edge")
    simulate.add(parser.add_subparsers())

    def run_command(*arguments: object) -> int:
        args = parser.parse_args(["simulate", "images", *map(str, arguments)])
        return int(args.run(args))

    return run_command


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_images_lie_in_the_folder_of_their_label(run: Callable[..., int], tmp_path: Path):
    assert run(tmp_path, "--count", 12, "--seed", 6, "--line", SMALL) == 0
    line = SimulatedLine.from_uri(f"{SMALL}&seed=6")
    assert files(tmp_path) == sorted(f"{line.truth(i)}/seed6-{i:06d}.png" for i in range(12))
    image = cv2.imread(str(tmp_path / line.truth(7) / "seed6-000007.png"))
    assert np.array_equal(image, line.image(7))


def test_balanced_writes_as_many_of_each_label(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run(tmp_path, "--count", 15, "--balanced", "--json", "--line", SMALL)
    assert json.loads(capsys.readouterr().out) == {
        "folder": str(tmp_path),
        "images": dict.fromkeys(sorted(LABELS), 3),
    }
    assert {path.name: len(list(path.iterdir())) for path in tmp_path.iterdir()} == dict.fromkeys(LABELS, 3)


def test_balanced_keeps_to_the_kinds_asked_for(run: Callable[..., int], tmp_path: Path):
    run(tmp_path, "--count", 4, "--balanced", "--line", f"{SMALL}&kinds=burnt")
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "burnt"}


def test_jpeg_is_written_where_asked(run: Callable[..., int], tmp_path: Path):
    run(tmp_path, "--count", 2, "--format", "jpg", "--line", SMALL)
    for name in files(tmp_path):
        assert (tmp_path / name).read_bytes().startswith(b"\xff\xd8\xff")


def test_another_seed_adds_to_what_is_there(run: Callable[..., int], tmp_path: Path):
    for seed in (1, 2, 2):
        run(tmp_path, "--count", 3, "--seed", seed, "--line", SMALL)
    assert len(files(tmp_path)) == 6


def test_a_folder_that_cannot_be_written_is_a_state_error(run: Callable[..., int], tmp_path: Path):
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(StateError, match=r"out: cannot write images: .*name a folder"):
        run(tmp_path / "out", "--count", 1, "--line", SMALL)


def test_a_failed_write_leaves_no_half_image(run: Callable[..., int], tmp_path: Path):
    blocked = tmp_path / "whole" / "seed0-000000.png"
    (blocked / "in the way").mkdir(parents=True)
    with pytest.raises(StateError):
        run(tmp_path, "--count", 1, "--line", "sim://line?defects=0")
    assert files(tmp_path) == []


def test_a_mistake_in_the_uri_is_a_config_error(run: Callable[..., int], tmp_path: Path):
    with pytest.raises(ConfigError, match="did you mean 'light'"):
        run(tmp_path / "out", "--count", 1, "--line", "sim://line?ligth=1")
    with pytest.raises(ConfigError, match="trigger=part"):
        run(tmp_path / "out", "--count", 1, "--line", "sim://line?trigger=free")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [["--count", "0"], ["--count", "many"], ["--count", "1", "--seed", "-1"], []])
def test_a_wrong_command_line_ends_with_status_2(run: Callable[..., int], tmp_path: Path, wrong: list[str]):
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, *wrong)
    assert caught.value.code == 2


def test_progress_is_shown_once_it_takes_over_two_seconds(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run(tmp_path, "--count", 3, "--line", SMALL)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(simulate, "_QUIET_S", 0.0)
    monkeypatch.setattr(simulate, "_REFRESH_S", 0.0)
    run(tmp_path, "--count", 3, "--line", SMALL)
    assert capsys.readouterr().err.endswith("3 of 3 images\n")


def test_help_shows_an_example(run: Callable[..., int], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        run("--help")
    assert caught.value.code == 0
    assert "Example: edge simulate images" in capsys.readouterr().out


def test_first_continues_the_same_line(run: Callable[..., int], tmp_path: Path):
    run(tmp_path / "all", "--count", 6, "--seed", 6, "--line", SMALL)
    run(tmp_path / "rest", "--count", 3, "--first", 3, "--seed", 6, "--line", SMALL)
    drawn = {path.name: path.read_bytes() for path in (tmp_path / "all").rglob("*.png")}
    rest = {path.name: path.read_bytes() for path in (tmp_path / "rest").rglob("*.png")}
    assert sorted(rest) == sorted(drawn)[3:]
    assert all(drawn[name] == data for name, data in rest.items())
