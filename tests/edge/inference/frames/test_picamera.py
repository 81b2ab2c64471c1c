"""The adapter to picamera2, against a stand-in for it: the real one runs on a Raspberry Pi only."""

from __future__ import annotations

import sys
import threading
import time
import types
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from edge.errors import SourceError
from edge.inference.frames import open_source

# Picamera2 manual, appendix A: the name is the order of a little-endian word, the memory is the other way round.
RED_IN_MEMORY = {"RGB888": (0, 0, 255), "BGR888": (255, 0, 0)}


class Request:
    held: ClassVar[int] = 0

    def __init__(self, main: dict[str, Any]) -> None:
        Request.held += 1
        self.main = main
        self.stamp_ns = time.monotonic_ns() - 30_000_000

    def make_array(self, name: str) -> np.ndarray[Any, Any]:
        assert name == "main"
        width, height = self.main["size"]
        # Rows are padded, as the hardware does.
        return np.full((height, width + 16, 3), RED_IN_MEMORY[self.main["format"]], np.uint8)[:, :width]

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": self.stamp_ns, "ExposureTime": 5000}

    def release(self) -> None:
        Request.held -= 1


class Job:
    def __init__(self, camera: Picamera2) -> None:
        self.camera = camera

    def get_result(self, timeout: float | None = None) -> Request:
        if self.camera.frames == 0:
            time.sleep(timeout or 0)
            raise TimeoutError
        self.camera.frames -= 1
        return Request(self.camera.configuration["main"])


class Picamera2:
    """A red scene, five frames of it."""

    opened: ClassVar[list[Picamera2]] = []
    largest = (1920, 1080)

    def __init__(self, number: int) -> None:
        if number > 0:
            raise IndexError("list index out of range")
        self.frames, self.jobs, self.state = 5, 0, "open"
        self.configuration: dict[str, Any] = {}
        self.opened.append(self)

    def create_video_configuration(self, main: dict[str, Any], controls: dict[str, Any]) -> dict[str, Any]:
        return {"main": main, "controls": controls}

    def configure(self, configuration: dict[str, Any]) -> None:
        main = configuration["main"]
        size = tuple(min(pair) for pair in zip(main["size"], self.largest, strict=True))
        self.configuration = configuration | {"main": main | {"size": size}}

    def camera_configuration(self) -> dict[str, Any]:
        return self.configuration

    def start(self) -> None:
        self.state = "started"

    def capture_request(self, wait: bool) -> Job:
        assert wait is False
        self.jobs += 1
        return Job(self)

    def stop(self) -> None:
        assert self.state == "started"
        self.state = "stopped"

    def close(self) -> None:
        self.state = "closed"


@pytest.fixture(autouse=True)
def picamera2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = types.ModuleType("picamera2")
    vars(module)["Picamera2"] = Picamera2
    monkeypatch.setitem(sys.modules, "picamera2", module)
    Picamera2.opened.clear()
    yield
    assert Request.held == 0


def test_a_frame_is_bgr_and_stamped_by_the_sensor():
    source = open_source("picamera://0?width=320&height=240&fps=50")
    frame = source.read()
    assert frame is not None
    assert frame.image is not None
    assert frame.image.shape == (240, 320, 3)
    assert frame.image.flags.c_contiguous
    assert frame.image[0, 0].tolist() == [0, 0, 255]
    assert 30e6 <= time.monotonic_ns() - frame.captured_ns < 1e9
    assert source.live
    assert Picamera2.opened[0].configuration["controls"] == {"FrameRate": 50.0}
    source.close()
    source.close()
    assert Picamera2.opened[0].state == "closed"
    assert source.read() is None


def test_no_frame_within_the_timeout_is_an_error():
    source = open_source("picamera://0?timeout=0.5")
    for _ in range(5):
        assert source.read() is not None
    with pytest.raises(SourceError, match=r"picamera://0 gave no frame for 0.5 s; check its ribbon cable"):
        source.read()
    # A job that is not finished still holds the next frame, so no second one is begun.
    assert Picamera2.opened[0].jobs == 6


def test_closing_from_another_thread_ends_a_waiting_read():
    source = open_source("picamera://0?timeout=20")
    reader = threading.Thread(target=lambda: list(iter(source.read, None)), daemon=True)
    reader.start()
    time.sleep(0.3)
    source.close()
    reader.join(2)
    assert not reader.is_alive()


def test_a_camera_that_is_not_there_is_an_error():
    with pytest.raises(SourceError, match=r"picamera://3 cannot be opened .* rpicam-hello --list-cameras"):
        open_source("picamera://3")


def test_a_size_that_the_camera_cannot_do_is_an_error():
    with pytest.raises(SourceError, match=r"asked for size \(4000, 3000\), the camera gives \(1920, 1080\)"):
        open_source("picamera://0?width=4000&height=3000")
    assert Picamera2.opened[0].state == "closed"
