"""The V4L2 source through OpenCV's real V4L2 code, on cameras that fake_v4l2.c puts in place of the kernel's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.system

HERE = Path(__file__).parent
KINDS = ("good", "frozen", "gone", "silent", "busy", "forbidden", "metadata", "wallclock", "damaged")


@pytest.fixture
def read_camera(
    camera_environment: Callable[[Path], dict[str, str]], tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """``read_camera("good?fps=15", frames=3)``: what a process with such a camera sees."""
    cameras = tmp_path / "cameras"
    cameras.mkdir()
    for kind in KINDS:
        (cameras / kind).touch()
    environment = os.environ | camera_environment(cameras)

    def read(camera: str, frames: int = 0, close_after: float = 0) -> dict[str, Any]:
        uri = f"camera://{cameras}/{camera}"
        program = [sys.executable, HERE / "read_camera.py", uri, str(frames), str(close_after)]
        run = subprocess.run(program, env=environment, capture_output=True, text=True, check=True, timeout=30)
        assert run.stderr == ""
        result: dict[str, Any] = json.loads(run.stdout)
        return result

    return read


def test_a_camera_delivers_frames_stamped_by_its_driver(read_camera: Callable[..., dict[str, Any]]):
    frames = read_camera("good", frames=8)["frames"]
    assert [frame["shape"] for frame in frames] == [[480, 640, 3]] * 8
    assert all(frame["contiguous"] for frame in frames)
    np.testing.assert_allclose([frame["top"] for frame in frames], np.tile((0, 0, 255), (8, 1)), atol=2)
    # The fake driver's stamps lie 20 ms before the moment at which it hands a frame over.
    ages = [frame["age_ms"] for frame in frames]
    assert min(ages) >= 20
    assert sorted(ages)[4] < 40
    times = [frame["captured_ns"] for frame in frames]
    assert times == sorted(times)
    assert all(abs(frame["wall_skew_ms"]) < 5 for frame in frames)


def test_what_was_asked_for_is_set(read_camera: Callable[..., dict[str, Any]]):
    frames = read_camera("good?width=320&height=240&fps=15&fourcc=YUYV", frames=4)["frames"]
    assert {tuple(frame["shape"]) for frame in frames} == {(240, 320, 3)}
    periods = np.diff([frame["captured_ns"] for frame in frames]) / 1e9
    assert np.median(periods) == pytest.approx(1 / 15, rel=0.2)


@pytest.mark.parametrize(
    ("asked", "wanted", "given"),
    [
        ("width=1920&height=1080", "width=1920", "640"),
        ("fps=60", "fps=60", "30"),
        ("fourcc=MJPG", "fourcc=MJPG", "YUYV"),
    ],
)
def test_what_the_camera_cannot_do_is_an_error(
    read_camera: Callable[..., dict[str, Any]], asked: str, wanted: str, given: str
):
    error = read_camera(f"good?{asked}")["error"]
    assert f"asked for {wanted}, the camera gives {given}; see what it can do with: v4l2-ctl" in error


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("busy", "is in use by another program; see which with: fuser -v"),
        ("forbidden", "may not be opened by this user; add it to the group video"),
        ("metadata", "is not a device that takes pictures; cameras found: "),
    ],
)
def test_a_camera_that_cannot_be_opened_says_why(read_camera: Callable[..., dict[str, Any]], kind: str, reason: str):
    result = read_camera(kind)
    assert result["kind"] == "SourceError"
    assert f"/{kind} {reason}" in result["error"]


@pytest.mark.parametrize(
    ("camera", "reason"),
    [("frozen?timeout=0.5", "gave no frame for 0.5 s; check its cable"), ("gone", "was lost; check its cable")],
)
def test_a_camera_that_fails_while_running_is_an_error(
    read_camera: Callable[..., dict[str, Any]], camera: str, reason: str
):
    result = read_camera(camera, frames=10)
    assert 3 <= len(result["frames"]) <= 5
    assert reason in result["error"]
    assert result["seconds"] < 3


def test_a_camera_that_never_begins_is_an_error(read_camera: Callable[..., dict[str, Any]]):
    result = read_camera("silent", frames=1)
    assert "does not begin to deliver; check its cable" in result["error"]


def test_without_a_usable_driver_stamp_the_time_of_arrival_counts(read_camera: Callable[..., dict[str, Any]]):
    frames = read_camera("wallclock", frames=3)["frames"]
    assert all(0 <= frame["age_ms"] < 15 for frame in frames)


def test_a_damaged_jpeg_comes_without_a_picture(read_camera: Callable[..., dict[str, Any]]):
    """OpenCV alone would deliver it with the lower half of the picture before."""
    frames = read_camera("damaged", frames=6)["frames"]
    assert [frame["shape"] is None for frame in frames].count(True) == 2
    whole = [frame for frame in frames if frame["shape"]]
    np.testing.assert_allclose([frame["top"] for frame in whole], np.tile((0, 0, 255), (4, 1)), atol=2)
    np.testing.assert_allclose([frame["bottom"] for frame in whole], np.tile((255, 0, 0), (4, 1)), atol=2)


def test_closing_from_another_thread_ends_a_waiting_read(read_camera: Callable[..., dict[str, Any]]):
    result = read_camera("frozen?timeout=20", frames=10, close_after=0.4)
    assert result["ended"]
    assert result["seconds"] < 1.5
