"""A camera's faults become messages, and its usual sharpness survives a restart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.device.health.camera_health import MEMORY, CameraHealth, WatchedCamera
from edge.device.pipeline import Thumbnail
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.inference.frames.events import CameraEvent
from edge.inference.frames.frame import Image
from edge.inference.frames.outages import Outages
from edge.protocol.messages import Identity
from edge.sim import SimulatedLine

IDENTITY = Identity("line-1", "koeln", "3", "b1", "cookie", 2, ())
SECOND = 10**9


class Camera:
    """What :class:`edge.inference.frames.Reopening` tells, from its own book of losses."""

    def __init__(self) -> None:
        self.losses = Outages("camera")

    def take_events(self) -> list[CameraEvent]:
        return self.losses.take()


@pytest.fixture
def cameras() -> list[WatchedCamera]:
    return [WatchedCamera("top", Camera()), WatchedCamera("side", Camera())]


def camera_health(cameras: list[WatchedCamera], folder: Path) -> CameraHealth:
    return CameraHealth(cameras, CameraMonitorOptions(fault_s=1.0), IDENTITY, folder)


def test_a_black_picture_of_one_camera_is_told_once_and_so_is_its_end(
    cameras: list[WatchedCamera], tmp_path: Path
) -> None:
    care = camera_health(cameras, tmp_path)
    rng = np.random.default_rng(0)

    def see(second: float, level: int) -> list[tuple[int, str, str, bool]]:
        picture = rng.integers(level, level + 8, (96, 96, 3)).astype(np.uint8)
        told = care.see(Thumbnail(1, int(second * SECOND), picture))
        return [(event.seq, event.camera, event.fault, event.active) for event in told]

    dark = [message for second in range(4) for message in see(second, 0)]
    assert dark == [(0, "side", "black", True)]
    assert care.faults(0) == ()
    assert care.faults(1) == ("black",)
    light = [message for second in range(4, 9) for message in see(second, 120)]
    assert light == [(1, "side", "black", False)]
    assert care.faults(1) == ()


def test_losses_are_told_with_their_reason(cameras: list[WatchedCamera], tmp_path: Path) -> None:
    care = camera_health(cameras, tmp_path)
    assert list(care.losses()) == []
    source = cameras[0].source
    assert isinstance(source, Camera)
    source.losses.begin("the cable was pulled")
    source.losses.end()
    gone, back = care.losses()
    assert (gone.camera, gone.fault, gone.active, gone.detail) == ("top", "lost", True, "the cable was pulled")
    assert (back.camera, back.fault, back.active) == ("top", "lost", False)
    assert (gone.seq, back.seq) == (0, 1)


def test_usual_sharpness_survives_a_restart_camera_by_camera(cameras: list[WatchedCamera], tmp_path: Path) -> None:
    care = camera_health(cameras, tmp_path)
    for second, picture in enumerate(_belt(400)):
        list(care.see(Thumbnail(1, second * SECOND // 5, picture)))
    care.remember()
    kept = (tmp_path / MEMORY).read_text()
    assert '"side"' in kept
    assert '"top"' not in kept
    again = camera_health(cameras, tmp_path)
    assert again._cares[1].usual_sharpness == pytest.approx(care._cares[1].usual_sharpness)
    again.remember()
    assert '"side"' in (tmp_path / MEMORY).read_text()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"top": "x"}'])
def test_a_damaged_memory_is_passed_over(cameras: list[WatchedCamera], tmp_path: Path, content: str) -> None:
    (tmp_path / MEMORY).write_text(content)
    assert camera_health(cameras, tmp_path)._cares[0].usual_sharpness is None


def test_a_folder_that_cannot_be_written_costs_no_more_than_the_memory(
    cameras: list[WatchedCamera], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    camera_health(cameras, tmp_path / "none").remember()
    assert "not written" in caplog.text


def _belt(count: int) -> list[Image]:
    line = SimulatedLine.from_uri("sim://line")
    return [line.image(number % 40) for number in range(count)]


def test_a_gate_that_may_be_open_is_told_once_and_so_is_its_end(cameras: list[WatchedCamera], tmp_path: Path) -> None:
    care = camera_health(cameras, tmp_path)
    since_ns = 1_700_000_000 * SECOND
    told = [event for at_ns in (0, since_ns, since_ns + 5, 0, 0) for event in care.gate(at_ns, "the PLC is away")]
    assert [(event.seq, event.camera, event.fault, event.active) for event in told] == [
        (0, "gate", "may be open", True),
        (1, "gate", "may be open", False),
    ]
    assert [event.since_ns for event in told] == [since_ns, since_ns]
    assert told[0].detail == "the PLC is away"
    assert told[0].lasted_s == 0 and told[1].lasted_s > 0
