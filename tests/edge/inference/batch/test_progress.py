"""The bar says how far, how fast and how long still."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np

from edge.inference.batch import BatchProgress
from edge.inference.batch.inputs import expected


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(stream: io.StringIO, total: int | None, steps: int, step_s: float, skipped: int = 0) -> BatchProgress:
    clock = Clock()
    progress = BatchProgress(stream, total, clock)
    for number in range(steps):
        clock.now += step_s
        progress.step(skipped=number < skipped)
    return progress


def test_a_bar_on_a_terminal_is_drawn_over_itself() -> None:
    stream = Terminal()
    run(stream, 200, 100, 0.125)
    shown = stream.getvalue().split("\r")
    assert shown[-1].rstrip() == "[############............] 100/200  50%, 8.0/s, 0:12 left"
    assert len(shown) < 60
    assert "\n" not in stream.getvalue()


def test_the_bar_is_taken_away_before_other_lines() -> None:
    stream = Terminal()
    progress = run(stream, 200, 100, 0.125)
    progress.clear()
    before, after = stream.getvalue().split("\r")[-2:]
    assert before.strip() == ""
    assert after == ""
    length = len(stream.getvalue())
    progress.clear()
    assert len(stream.getvalue()) == length


def test_elsewhere_a_line_every_ten_seconds() -> None:
    stream = io.StringIO()
    run(stream, 10_000, 250, 0.125)
    assert stream.getvalue().count("\n") == 3
    assert stream.getvalue().splitlines()[0] == "edge: [........................] 80/10000   1%, 8.0/s, 20:40 left"


def test_what_an_earlier_run_did_does_not_count_for_the_rate() -> None:
    stream = Terminal()
    run(stream, 100, 50, 1.0, skipped=25)
    assert stream.getvalue().split("\r")[-1].rstrip().endswith("50/100  50%, 0.5/s, 1:40 left")


def test_folders_pictures_videos_and_simulators_say_how_many_frames_there_will_be(
    photos: Path, tmp_path: Path, artifact: Path
) -> None:
    video = tmp_path / "line.avi"
    writer = cv2.VideoWriter(str(video), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(7):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    known = [str(photos), str(photos / "03.png"), str(video), "sim://line?count=5", str(artifact)]
    assert expected(known) == 30 + 1 + 7 + 5
    assert expected([*known, "sim://line"]) is None
    assert expected([*known, "rtsp://127.0.0.1:1/none"]) is None


def test_without_a_known_end_there_is_no_bar() -> None:
    stream = Terminal()
    run(stream, None, 40, 0.25)
    assert stream.getvalue().split("\r")[-1].rstrip() == "40 frames, 4.0/s"
