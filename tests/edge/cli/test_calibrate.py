"""``edge calibrate``: one command on an empty belt."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from edge.cli.main import main
from edge.inference.parts import Calibration

BELT = "sim://line?trigger=free&pace=fast&width=640&height=160&speed=600"


def test_the_belt_is_learnt_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, preview = tmp_path / "belt.json", tmp_path / "belt.png"
    words = [
        "calibrate",
        BELT,
        "-o",
        str(out),
        "--frames",
        "30",
        "--region",
        "0,20,640,120",
        "--preview",
        str(preview),
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "the belt at 0,20, 640×120 of 640×160 pixels" in said
    assert "the belt was not empty" in said
    assert Calibration.load(out).region == (0, 20, 640, 120)
    assert cv2.imread(str(preview)).shape == Calibration.load(out).background.shape


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--region", "1,2,3"], 3, "--region 1,2,3: expected X,Y,W,H in pixels"),
        (["--region", "0,0,9999,10"], 3, "region"),
        (["--frames", "2"], 3, "--frames 2: expected 3 or more"),
        (["--preview", "belt"], 3, "belt: no known kind of picture"),
        (["-o", "/nowhere/belt.json"], 6, "/nowhere/belt.json: cannot be written"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, message: str
) -> None:
    assert main(["calibrate", BELT, "-o", str(tmp_path / "b.json"), "--frames", "5", *words]) == status
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.splitlines()) == 1
