"""A camera's lane, looked at from time to time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.histogram import LatencyHistogram
from edge.device.health.camera_view import CameraRates, CameraView
from edge.device.pipeline import Accounts
from edge.protocol.latency import from_message
from edge.protocol.messages import CameraCounts


class Line:
    """A lane whose clock and counters we turn ourselves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.accounts, self.latency = Accounts(), LatencyHistogram()
        self.camera, self.faults = SimpleNamespace(losses=0, lost=False, missed=0), ["blurred"]
        lane = CameraView("left", self.accounts, self.latency, self.camera, lambda: tuple(self.faults))
        self.view = CameraRates(lane, self.now_s)

    def judge(self, count: int, latency_us: int) -> None:
        self.accounts.captured += count
        self.accounts.decided += count
        for _ in range(count):
            self.latency.add(latency_us)

    def drop(self, count: int) -> None:
        self.accounts.captured += count
        self.accounts.dropped["overrun"] += count

    def after(self, seconds: float) -> CameraCounts:
        self.now_s += seconds
        return self.view.look(self.now_s)


@pytest.fixture
def line() -> Line:
    return Line()


def test_the_slow_minute_leaves_the_sliding_view_and_stays_in_that_since_the_boot(line: Line) -> None:
    line.judge(100, 80_000)
    line.drop(7)
    for _ in range(20):
        line.judge(100, 8000)
        camera = line.after(5)
    assert 8000 <= camera.latency_us.max <= 8250
    assert camera.latency_boot_us.max == 80_000
    assert (camera.dropped, camera.recent_dropped) == ({"overrun": 7}, {})
    assert camera.recent_captured == 1200
    assert from_message(camera.histogram).count == camera.decided == 2100


def test_the_rate_is_that_of_the_last_ten_seconds(line: Line) -> None:
    for _ in range(12):
        line.judge(150, 1000)
        assert line.after(5).rate_fps == 30.0
    for _ in range(2):
        stopped = line.after(5)
    assert stopped.rate_fps == 0.0


def test_what_is_wrong_with_the_camera_is_told_as_it_is_now(line: Line) -> None:
    line.camera.losses, line.camera.lost, line.camera.missed = 2, True, 7
    camera = line.after(1)
    assert (camera.losses, camera.lost, camera.missed, camera.faults) == (2, True, 7, ("blurred",))
    line.camera.lost = False
    line.faults.clear()
    camera = line.after(1)
    assert (camera.losses, camera.lost, camera.faults) == (2, False, ())


def test_a_lane_without_a_camera_to_lose_has_no_losses() -> None:
    camera = CameraRates(CameraView("photos", Accounts(), LatencyHistogram()), 0.0).look(1.0)
    assert (camera.losses, camera.lost) == (0, False)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0.1, 30)), max_size=40))
def test_what_is_told_is_never_more_than_was_captured(steps: list[tuple[int, int, float]]) -> None:
    line = Line()
    for judged, dropped, seconds in steps:
        line.judge(judged, 1000)
        line.drop(dropped)
        camera = line.after(seconds)
        assert camera.captured == camera.decided + sum(camera.dropped.values())
        assert sum(camera.recent_dropped.values()) <= camera.recent_captured <= camera.captured
