"""The daemon as a process: signals, kill -9, a broker that goes and comes, real videos."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from edge.cli.main import main
from edge.device.buffer import Buffer
from edge.device.status.client import ask
from edge.errors import StateError
from edge.monitor import Store
from tests.support.daemon import Daemon, delivered

pytestmark = pytest.mark.system

LINE = "sim://line?width=64&height=48"

COMMIT_S = 0.5


def committed(folder: Path) -> list[tuple[str, int]]:
    """What is durable in the state folder after its daemon has gone: boot and seq of every record."""
    with closing(Buffer(folder / "state" / "buffer.db")) as buffer:
        assert buffer.set_aside is None
        return [(boot_id, record.seq) for boot_id, record in buffer.records()]


def once_judged(folder: Path, least: int, timeout_s: float = 60) -> int:
    """Waits until the daemon has judged so many parts; returns how many it says."""
    until, judged = time.monotonic() + timeout_s, 0
    while judged < least:
        assert time.monotonic() < until, judged
        time.sleep(0.1)
        with suppress(StateError):
            judged = ask(folder / "state").health.judged
    return judged


@pytest.mark.realtime
def test_sigterm_ends_it_within_two_seconds_with_everything_flushed(
    tmp_path: Path, write_config: Callable[..., Path], start: Callable[[Path], Daemon]
) -> None:
    daemon = start(write_config(source=f"{LINE}&fps=100", policy="latest", extra="[buffer]\ncommit_s = 600"))
    daemon.wait_for("judging")
    once_judged(tmp_path, 50)
    asked = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    report = daemon.report(5)
    assert time.monotonic() - asked < 2.0
    assert report["captured"] == report["decided"] + sum(report["dropped"].values())
    assert report["decided"] >= 50
    assert len(committed(tmp_path)) == report["decided"] == report["buffered"]


@pytest.mark.realtime
def test_sigterm_is_as_quick_when_the_broker_does_not_answer(
    tmp_path: Path, write_config: Callable[..., Path], start: Callable[[Path], Daemon], mosquitto: Any
) -> None:
    daemon = start(write_config(source=f"{LINE}&fps=100", broker=mosquitto.url))
    daemon.wait_for("connected")
    mosquitto.pause()
    time.sleep(0.5)
    asked = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    report = daemon.report(5)
    mosquitto.resume()
    assert time.monotonic() - asked < 2.0
    assert report["buffered"] == report["decided"] == len(committed(tmp_path))


def test_kill_9_loses_at_most_the_stated_window_and_the_next_start_carries_on(
    tmp_path: Path,
    write_config: Callable[..., Path],
    start: Callable[[Path], Daemon],
    mosquitto: Any,
    monitor: Callable[[str], Path],
) -> None:
    fps = 100
    store = monitor(mosquitto.url)
    config = write_config(
        source=f"{LINE}&fps={fps}",
        broker=mosquitto.url,
        extra=f"[buffer]\ncommit_s = {COMMIT_S}",
    )
    daemon = start(config)
    daemon.wait_for("judging")
    judged = once_judged(tmp_path, 2 * fps)
    daemon.process.kill()
    daemon.process.wait()
    first = committed(tmp_path)
    assert [seq for _, seq in first] == list(range(len(first)))
    assert len(first) >= judged - COMMIT_S * fps
    second = start(write_config(broker=mosquitto.url))
    report = second.report()
    assert report["pending"] == 0
    everything = committed(tmp_path)
    assert everything[: len(first)] == first
    assert len(everything) == len(first) + 30
    found = delivered(store, len(everything))
    assert sorted(found) == sorted(everything)


def test_every_record_and_window_arrives_exactly_once_over_the_brokers_absence(
    write_config: Callable[..., Path],
    start: Callable[[Path], Daemon],
    mosquitto: Any,
    monitor: Callable[[str], Path],
    watched: Path,
) -> None:
    store = monitor(mosquitto.url)
    config = write_config(
        source=f"{LINE}&fps=100&count=600",
        model=watched,
        broker=mosquitto.url,
        extra=f"[buffer]\ncommit_s = {COMMIT_S}\n[drift]\nwindow = 30",
    )
    daemon = start(config)
    daemon.wait_for("connected")
    time.sleep(1.5)
    mosquitto.stop()
    time.sleep(3.0)
    mosquitto.start()
    report = daemon.report()
    assert report["captured"] == report["decided"] + sum(report["dropped"].values())
    # How many of the 600 a loaded machine has time for is not what is asked here.
    assert report["buffered"] == report["decided"] > 100
    assert report["pending"] == 0
    found = delivered(store, report["decided"])
    assert len(found) == len(set(found)) == report["decided"]
    with closing(Store(store)) as opened:
        assert opened.count("drift", "line-1") == opened.count("stats", "line-1") == report["windows"] >= 3
        assert opened.set_aside() == {}


@pytest.mark.thirdparty
@pytest.mark.parametrize("name", ["video/pizza_line_results.mp4", "aliens/normal"])
def test_real_videos_and_folders_are_accounted_for_frame_by_frame_though_the_broker_leaves(
    tmp_path: Path,
    write_config: Callable[..., Path],
    start: Callable[[Path], Daemon],
    mosquitto: Any,
    monitor: Callable[[str], Path],
    shared_data: Path,
    watched: Path,
    name: str,
) -> None:
    store = monitor(mosquitto.url)
    config = write_config(
        source=shared_data / name, model=watched, broker=mosquitto.url, extra="[drift]\nwindow = 30"
    )
    daemon = start(config)
    daemon.wait_for("judging")
    mosquitto.stop()
    time.sleep(1.0)
    mosquitto.start()
    report = daemon.report(60)
    assert report["captured"] == report["decided"] + sum(report["dropped"].values()) > 50
    assert report["dropped"] == {}
    assert report["pending"] == 0
    kept = committed(tmp_path)
    assert [seq for _, seq in kept] == list(range(report["decided"]))
    assert sorted(delivered(store, len(kept))) == sorted(kept)
    with closing(Store(store)) as opened:
        assert opened.count("drift", "line-1") == opened.count("stats", "line-1") == report["windows"] >= 1


def test_a_network_camera_that_is_not_there_is_an_error_at_once(
    tmp_path: Path, write_config: Callable[..., Path], start: Callable[[Path], Daemon]
) -> None:
    """A camera that is not there at the start is an error at once; the status says which kind."""
    daemon = start(write_config(source="rtsp://127.0.0.1:1/none"))
    assert daemon.process.wait(30) == 5
    lines = daemon.log.read_text().splitlines()
    assert len(lines) == 1
    assert "rtsp://127.0.0.1:1/none" in lines[0]


@pytest.fixture
def own_handlers() -> Iterator[None]:
    """Puts back what a command in this process does to its signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.thirdparty
def test_every_malformed_model_stops_the_daemon_before_it_begins(
    write_config: Callable[..., Path],
    shared_data: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    own_handlers: None,
) -> None:
    """The command runs in this process: only the child that tries the model may come to harm."""
    for path in sorted((shared_data / "tflite_bad").glob("*.*")):
        config = write_config(source="sim://line?count=3", model=path)
        assert main(["run", "-c", str(config)]) == 4, path
        said = capfd.readouterr().err
        assert len(said.splitlines()) == 1, said
        assert path.name in said
    assert not (tmp_path / "state" / "buffer.db").exists()
