"""Pings are proof of progress: what a real manager's socket hears while decision loops turn, idle, hang and end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.device.pipeline import Intake, MailboxPolicy, Pipeline
from edge.device.service.watchdog import Watchdog
from edge.gates import NoGate
from edge.inference.cascade import Cascade
from edge.inference.frames.frame import Frame, Image
from edge.inference.judgement import Judgement
from edge.inference.model import load


@dataclass
class Turning:
    progress_ns: int = 0
    ended: bool = False


class Manager:
    """systemd's end of the socket."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def heard(self) -> list[str]:
        """All lines so far."""
        lines = []
        while True:
            try:
                lines += self._end.recv(4096).decode().splitlines()
            except BlockingIOError:
                return lines

    def wait_for(self, line: str) -> None:
        until, lines = time.monotonic() + 20, self.heard()
        while line not in lines:
            assert time.monotonic() < until, lines
            time.sleep(0.01)
            lines += self.heard()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "80000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield Manager(end)


def test_it_is_ready_when_every_loop_has_turned(manager: Manager) -> None:
    loops = [Turning(), Turning()]
    watchdog = Watchdog(loops, lambda: "")
    loops[0].progress_ns = 1
    assert not watchdog.look()
    loops[1].progress_ns = 1
    assert watchdog.look()
    assert manager.heard() == ["READY=1", "WATCHDOG=1"]


def test_one_stuck_loop_of_two_is_no_ping(manager: Manager) -> None:
    loops = [Turning(), Turning()]
    watchdog = Watchdog(loops, lambda: "")
    for turn in range(1, 4):
        for loop in loops:
            loop.progress_ns = turn
        assert watchdog.look()
    manager.heard()
    for turn in range(4, 20):
        loops[0].progress_ns = turn
        assert not watchdog.look()
    assert manager.heard() == []
    loops[1].progress_ns = 20
    assert watchdog.look()
    assert manager.heard() == ["WATCHDOG=1"]


def test_a_loop_that_has_ended_holds_nobody_up(manager: Manager) -> None:
    loops = [Turning(), Turning(ended=True)]
    watchdog = Watchdog(loops, lambda: "")
    loops[0].progress_ns = 1
    assert watchdog.look()


def test_it_says_how_it_is_and_that_it_stops(manager: Manager) -> None:
    loop = Turning()
    with Watchdog([loop], lambda: "cookie v3"):
        loop.progress_ns = 1
        manager.wait_for("STATUS=cookie v3")
    assert "STOPPING=1" in manager.heard()


def test_a_status_that_cannot_be_told_does_not_end_the_pings(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    loop = Turning()

    def broken() -> str:
        raise ValueError("no status")

    with Watchdog([loop], broken):
        for turn in range(1, 4):
            loop.progress_ns = turn
            manager.wait_for("WATCHDOG=1")
    assert "no status" in caplog.text


def test_no_thread_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with Watchdog([Turning()], lambda: ""):
        assert "watchdog" not in [thread.name for thread in threading.enumerate()]


class Camera:
    """Gives one picture, then none until it is closed, like a cable that was pulled."""

    live = True

    def __init__(self, image: Image) -> None:
        self._image: Image | None = image
        self._closed = threading.Event()

    def read(self) -> Frame | None:
        if self._image is not None:
            frame = Frame(self._image, time.monotonic_ns(), time.time_ns())
            self._image = None
            return frame
        self._closed.wait()
        return None

    def close(self) -> None:
        self._closed.set()


class StuckGate(NoGate):
    """Its serial line never comes back."""

    def __init__(self) -> None:
        self.reached, self.free = threading.Event(), threading.Event()

    def act(self, judgement: Judgement) -> None:
        self.reached.set()
        self.free.wait()


@pytest.fixture
def run(
    artifact: Path, picture: Callable[..., Image], tried: Callable[..., Path]
) -> Iterator[Callable[[NoGate], Pipeline]]:
    """``run(gate)``: a real pipeline, judging in a thread of its own."""
    running: list[tuple[Pipeline, threading.Thread]] = []

    def begin(gate: NoGate) -> Pipeline:
        model = Cascade(load(artifact, state=tried()))
        pipeline = Pipeline(Camera(picture("red")), model, gate, Intake(), MailboxPolicy("latest"))
        thread = threading.Thread(target=pipeline.run)
        running.append((pipeline, thread))
        thread.start()
        return pipeline

    yield begin
    for pipeline, thread in running:
        pipeline.stop()
        thread.join()
        assert pipeline.ended


def test_a_camera_that_is_away_is_no_hang(manager: Manager, run: Callable[[NoGate], Pipeline]) -> None:
    pipeline = run(NoGate())
    with Watchdog([pipeline], lambda: ""):
        manager.wait_for("READY=1")
        while pipeline.accounts.decided == 0:
            time.sleep(0.01)
        manager.heard()
        for _ in range(3):
            manager.wait_for("WATCHDOG=1")


def test_a_decision_loop_that_is_stuck_gets_no_ping(manager: Manager, run: Callable[[NoGate], Pipeline]) -> None:
    gate = StuckGate()
    pipeline = run(gate)
    watchdog = Watchdog([pipeline], lambda: "")
    assert gate.reached.wait(20)
    watchdog.look()
    manager.heard()
    stamp = pipeline.progress_ns
    for _ in range(10):
        time.sleep(0.03)
        assert not watchdog.look()
    assert (manager.heard(), pipeline.progress_ns) == ([], stamp)
    gate.free.set()
