"""``edge predict`` into files: restartable, refusing, summing up; killed and continued as if nothing had been."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.cli.main import main
from edge.inference.frames import Image
from tests.support.daemon import wait_until

KINDS = ("csv", "jsonl", "db")


def rows(path: Path) -> Any:
    """All of the content: bytes, or what a database holds."""
    if path.suffix != ".db":
        return path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return db.execute("SELECT * FROM prediction").fetchall(), db.execute("SELECT * FROM written").fetchall()


def predict(*words: object) -> int:
    return main(["predict", *map(str, words)])


@pytest.fixture
def video(tmp_path: Path, picture: Callable[..., Image]) -> Path:
    """Ten frames, red and blue in turn."""
    path = tmp_path / "line.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(10):
        writer.write(picture(("red", "blue")[number % 2]))
    writer.release()
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_folders_and_videos_go_into_one_file_with_a_summary(
    artifact: Path, photos: Path, video: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"out.{kind}"
    (photos / "deeper").mkdir()
    (photos / "29.png").rename(photos / "deeper" / "1.png")
    assert predict(artifact, photos, video, "--out", out, "--json") == 0
    said = capsys.readouterr()
    assert said.err == ""
    summary = json.loads(said.out)
    assert summary["labels"] == {"blue": 15, "green": 10, "red": 15}
    assert (summary["rows"], summary["judged"], summary["before"], summary["failed"]) == (40, 40, 0, 0)


def test_the_summary_is_one_line(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    (photos / "03.png").write_bytes(b"damaged")
    assert predict(artifact, photos, "--out", out) == 5
    said = capsys.readouterr()
    assert said.out.startswith(f"{out}: 30 rows: blue 10, green 10, red 9; not a picture 1 (judged 29 in ")
    assert len(said.out.splitlines()) == len(said.err.splitlines()) == 1
    assert predict(artifact, photos, "--out", out, "--resume") == 5
    assert "judged 0 in 0.0 s, 0.0/s; 30 were done before)" in capsys.readouterr().out


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_does_what_is_missing_and_nothing_twice(
    artifact: Path, photos: Path, video: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / f"out.{kind}", tmp_path / f"whole.{kind}"
    assert predict(artifact, photos, video, "--out", whole) == 0
    assert predict(artifact, photos, "--out", out) == 0
    capsys.readouterr()
    assert predict(artifact, photos, video, photos / "07.png", "--out", out, "--resume", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["rows"], summary["judged"], summary["before"]) == (40, 10, 31)
    assert rows(out) == rows(whole)


def test_pictures_that_are_done_are_not_even_read(
    artifact: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    assert predict(artifact, photos, "--out", out) == 0
    monkeypatch.setattr("edge.inference.batch.inputs.read_image", lambda path: pytest.fail(f"{path} was read"))
    assert predict(artifact, photos, "--out", out, "--resume") == 0


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--out", "out.txt"], "expected a name that ends in .csv"),
        (["--resume"], "--resume: expected --out FILE with it"),
        (["--out", "there.csv"], "there.csv: already there; continue it with --resume"),
        (["--out", "there.csv", "--resume"], "there.csv: not a result of this model"),
        (["--out", "new.csv", "--resume", "sim://line"], "sim://line: a live source"),
    ],
)
def test_a_wrong_request_is_one_line_and_touches_nothing(
    artifact: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    names: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.csv").write_text("mine\n")
    paths = [words.pop()] if "://" in words[-1] else [str(photos)]
    assert predict(artifact, *paths, *words) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert names in said.err
    assert Path("there.csv").read_text() == "mine\n"


def test_progress_is_shown_when_asked_for(
    artifact: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge.inference.batch.progress._LINE_S", 0.0)
    assert predict(artifact, photos, "--out", tmp_path / "out.csv", "--progress") == 0
    assert "] 30/30 100%, " in capsys.readouterr().err.splitlines()[-1]
    assert predict(artifact, photos, "--out", tmp_path / "other.csv") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_killed_in_the_middle_and_resumed_the_file_is_as_if_undisturbed(
    artifact: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = tmp_path / f"whole.{kind}", tmp_path / f"out.{kind}"
    words = [str(artifact), f"sim://line?pace=fast&width=32&height=32&count={FRAMES}", "--out"]
    assert predict(*words, whole) == 0
    kill_when(out, whole.stat().st_size * 2 // 5, ["predict", *words, str(out), "--resume"])
    if kind != "db":
        assert whole.read_bytes().startswith(out.read_bytes())
    capsys.readouterr()
    assert predict(*words, out, "--resume", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["rows"] == summary["judged"] + summary["before"] == FRAMES
    assert 0 < summary["before"] < FRAMES
    assert rows(out) == rows(whole)


FRAMES = 300
KILLED = f"""
import sys, threading
import edge.inference.batch.database, edge.inference.batch.job
from edge.cli.main import main
edge.inference.batch.database.COMMIT_ROWS = 10  # a second would be the whole job
do = edge.inference.batch.job._do
def hold(model, item, *others):
    if item.frame == {FRAMES * 9 // 10}:
        threading.Event().wait()
    do(model, item, *others)
edge.inference.batch.job._do = hold
sys.exit(main(sys.argv[1:]))
"""
"""A job that is never too fast for the one who kills it: it holds shortly before its end."""


def kill_when(out: Path, size: int, words: list[str]) -> None:
    """Runs a job and kills it with signal 9 once its file has that many bytes."""
    job = subprocess.Popen([sys.executable, "-c", KILLED, *words], stdout=subprocess.DEVNULL)
    wait_until(lambda: out.exists() and out.stat().st_size >= size, 120, 0.005)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL


@pytest.mark.system
def test_ctrl_c_leaves_what_was_done_and_status_130(artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.db"
    words = [sys.executable, "-m", "edge.cli.main", "predict", str(artifact), "sim://line", "--out", str(out)]
    job = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: out.exists() and out.stat().st_size > 40_000, 120)
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 130
    assert errors == ""
    assert len(rows(out)[0]) > 20
