from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.errors import ConfigError, SourceError
from edge.inference.frames import Frame, FrameSource, open_source
from edge.inference.frames.reopening import Reopening


def test_a_stream_that_ends_again_and_again_goes_on(mjpeg_server: str):
    source = Reopening(lambda: open_source(f"{mjpeg_server}/10"))
    times = []
    while source.losses < 2:
        frame = source.read()
        assert frame is not None
        times.append(frame.captured_ns)
    source.close()
    assert len(times) >= 2 * 3
    assert times == sorted(times)
    assert source.last_loss is not None
    assert "the stream ended" in source.last_loss.reason
    assert source.live


def test_the_first_failure_is_raised(tmp_path: Path):
    with pytest.raises(SourceError, match="no such file"):
        Reopening(lambda: open_source(str(tmp_path / "missing")))


def test_the_end_of_a_file_is_no_loss(tmp_path: Path, write_images: Callable[..., None]):
    write_images(tmp_path, "1.png")
    source = Reopening(lambda: open_source(str(tmp_path)))
    assert source.read() is not None
    assert source.read() is None
    assert source.losses == 0
    assert not source.live


@pytest.fixture
def failing_after_the_first(mjpeg_server: str) -> Callable[..., Callable[[], FrameSource]]:
    """``failing_after_the_first(then)`` opens a stream of five frames once, and calls ``then`` instead later."""

    def make(then: Callable[[], FrameSource]) -> Callable[[], FrameSource]:
        openings = iter([lambda: open_source(f"{mjpeg_server}/5")])
        return lambda: next(openings, then)()

    return make


def test_attempts_come_at_growing_pauses(
    mjpeg_server: str, failing_after_the_first: Callable[..., Callable[[], FrameSource]]
):
    attempts: list[float] = []

    def refuse_twice() -> FrameSource:
        attempts.append(time.monotonic())
        if len(attempts) <= 2:
            raise SourceError("still unplugged")
        return open_source(f"{mjpeg_server}/1000")

    source = Reopening(failing_after_the_first(refuse_twice))
    while len(attempts) < 3:
        assert source.read() is not None
    assert source.losses == 1
    source.close()
    pauses = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    for pause, expected in zip(pauses, (0.1, 0.2), strict=True):
        assert expected <= pause < expected + 0.2


class Scripted:
    """A camera that delivers so many frames and then fails; it has lost three frames by itself."""

    live = True
    missed = 3

    def __init__(self, frames: int) -> None:
        self._left = frames

    def read(self) -> Frame | None:
        self._left -= 1
        if self._left < 0:
            raise SourceError("camera://0 was lost; check its cable")
        return Frame(None, time.monotonic_ns(), time.time_ns())

    def close(self) -> None:
        pass


def test_a_camera_that_opens_but_does_not_deliver_is_still_the_same_loss(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    openings = iter([Scripted(2), *[Scripted(0) for _ in range(5)], Scripted(1)])
    source = Reopening(lambda: next(openings), "camera://0")
    before = time.monotonic_ns()
    assert [source.read() is not None for _ in range(3)] == [True] * 3
    assert (source.losses, source.lost) == (1, False)
    assert source.last_loss is not None
    assert source.last_loss.reason == "camera://0 was lost; check its cable"
    assert before < source.last_loss.lost_ns < time.monotonic_ns()
    assert [(event.fault, event.begins) for event in source.take_events()] == [("lost", True), ("lost", False)]
    assert len(caplog.records) == 2


def test_frames_that_the_source_lost_by_itself_are_summed_over_all_openings():
    openings = iter([Scripted(1), Scripted(1), Scripted(1)])
    source = Reopening(lambda: next(openings))
    for _ in range(3):
        source.read()
    assert source.missed == 9


@pytest.mark.realtime
def test_a_camera_is_tried_often_enough_to_be_back_within_a_second():
    tries: list[float] = []

    def refuse() -> FrameSource:
        tries.append(time.monotonic())
        if len(tries) == 1:
            return Scripted(0)
        if len(tries) < 8:
            raise SourceError("still unplugged")
        return Scripted(1)

    assert Reopening(refuse).read() is not None
    assert max(later - earlier for earlier, later in itertools.pairwise(tries)) < 0.5


def test_the_reopening_leaves_no_thread_behind():
    openings = iter([Scripted(1) for _ in range(11)])
    source = Reopening(lambda: next(openings))
    for _ in range(11):
        source.read()
    assert source.losses == 10
    source.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "reopening" and thread.is_alive()]


def test_a_wall_clock_that_jumps_moves_no_time_out(mjpeg_server: str, monkeypatch: pytest.MonkeyPatch):
    """An hour forth, an hour back, at every look: the stream is lost after its 0.3 s and back after some tries."""
    jumps = itertools.cycle([3600, -3600])
    monkeypatch.setattr(time, "time", lambda: 1.7e9 + next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(1.7e18) + next(jumps) * 10**9)
    opened: list[float] = []

    def open_next() -> FrameSource:
        opened.append(time.monotonic())
        return open_source(f"{mjpeg_server}/5/stall#timeout=0.3")

    source = Reopening(open_next)
    times = []
    while source.losses < 2:
        frame = source.read()
        assert frame is not None
        times.append(frame.captured_ns)
    source.close()
    assert times == sorted(times)
    assert all(0.3 <= later - earlier < 3 for earlier, later in itertools.pairwise(opened))


def read_in_a_thread(source: Reopening) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def read() -> None:
        try:
            while source.read():
                pass
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread, errors


def test_closing_ends_the_wait_for_a_lost_camera(
    failing_after_the_first: Callable[..., Callable[[], FrameSource]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("edge.inference.frames.reopening._FIRST_PAUSE_S", 20.0)

    def refuse() -> FrameSource:
        raise SourceError("still unplugged")

    source = Reopening(failing_after_the_first(refuse))
    reader, errors = read_in_a_thread(source)
    time.sleep(0.3)
    source.close()
    reader.join(5)
    assert not reader.is_alive()
    assert errors == []
    assert source.read() is None


def test_closing_does_not_wait_for_a_camera_that_is_slow_to_open(
    mjpeg_server: str, failing_after_the_first: Callable[..., Callable[[], FrameSource]]
):
    begins, may_go_on, opened = threading.Event(), threading.Event(), []

    def open_slowly() -> FrameSource:
        begins.set()
        may_go_on.wait(10)
        opened.append(open_source(f"{mjpeg_server}/1000"))
        return opened[0]

    source = Reopening(failing_after_the_first(open_slowly))
    reader, errors = read_in_a_thread(source)
    assert begins.wait(5)
    source.close()
    reader.join(1)
    assert not reader.is_alive()
    assert errors == []
    may_go_on.set()
    # The camera that opens too late is closed, not left behind.
    deadline = time.monotonic() + 5
    while not (opened and opened[0].read() is None) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert opened[0].read() is None


def test_a_mistake_is_not_waited_out(failing_after_the_first: Callable[..., Callable[[], FrameSource]]):
    def mistake() -> FrameSource:
        raise ConfigError("width: expected a whole number")

    source = Reopening(failing_after_the_first(mistake))
    with pytest.raises(ConfigError, match="width"):
        while source.read():
            pass
