"""Network streams over HTTP; tests/system/test_rtsp.py has RTSP."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from edge.errors import SourceError
from edge.inference.frames import open_source
from edge.inference.frames.network import NetworkStream
from tests.support.daemon import wait_until


@pytest.fixture
def mute_server() -> Iterator[str]:
    """Accepts connections and never says a word; host and port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.realtime
def test_frames_come_at_the_pace_of_the_camera(mjpeg_server: str):
    source = open_source(f"{mjpeg_server}/1000")
    frames = [source.read() for _ in range(12)]
    source.close()
    times = [frame.captured_ns for frame in frames if frame]
    assert (times[-1] - times[4]) / 1e9 == pytest.approx(7 / 50, abs=0.1)


@pytest.mark.realtime
def test_a_late_reader_gets_the_newest_frames_and_the_rest_is_counted(mjpeg_server: str):
    source = NetworkStream(f"{mjpeg_server}/1000")
    time.sleep(0.3)
    begun = time.monotonic_ns()
    frames = [source.read() for _ in range(4)]
    source.close()
    assert source.missed >= 5
    assert all(frame and begun - frame.captured_ns < 0.2e9 for frame in frames)


def test_the_end_of_a_stream_is_a_loss(mjpeg_server: str):
    source = open_source(f"{mjpeg_server}/50")
    count = 0
    with pytest.raises(SourceError, match=r"the stream ended; check the camera and the network"):
        while source.read():
            count += 1
    assert 5 <= count <= 50
    with pytest.raises(SourceError):
        source.read()


def test_a_silent_stream_is_a_loss_after_the_timeout(mjpeg_server: str):
    source = open_source(f"{mjpeg_server}/50/stall#timeout=1")
    with pytest.raises(SourceError, match=r"no frame for 1 s"):
        while source.read():
            last = time.monotonic()
    assert time.monotonic() - last > 0.9
    source.close()


def test_closing_wakes_a_reader_that_waits_for_a_silent_stream(mjpeg_server: str):
    source = open_source(f"{mjpeg_server}/50/stall#timeout=20")
    frames: list[object] = []

    def read() -> None:
        while (frame := source.read()) is not None:
            frames.append(frame)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_until(lambda: len(frames) >= 5)
    source.close()
    reader.join(5)
    assert not reader.is_alive()


def test_a_process_ends_cleanly_while_a_stream_hangs(mjpeg_server: str):
    program = (
        "import sys; from edge.inference.frames import open_source; s = open_source(sys.argv[1]); s.read(); s.close()"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, f"{mjpeg_server}/5/stall#timeout=20"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_host_that_does_not_answer_is_named(scheme: str):
    port = free_port()
    with pytest.raises(SourceError, match=rf"nothing answers at 127.0.0.1:{port} \(Connection refused\)"):
        open_source(f"{scheme}://127.0.0.1:{port}/live")


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_server_that_never_replies_ends_the_wait(scheme: str, mute_server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("edge.inference.frames.network._ANALYSIS_S", 0.0)
    begun = time.monotonic()
    with pytest.raises(SourceError, match="the server answers but gives no video there; check the path"):
        open_source(f"{scheme}://{mute_server}/live#timeout=0.3")
    assert time.monotonic() - begun < 5


def test_a_page_that_is_no_video_is_refused(mjpeg_server: str):
    with pytest.raises(SourceError, match="check the path, the user and the password"):
        open_source(f"{mjpeg_server}/index.html")


def test_passwords_stay_out_of_messages():
    with pytest.raises(SourceError) as raised:
        open_source(f"rtsp://admin:s3cret@127.0.0.1:{free_port()}/live?channel=1")
    assert "s3cret" not in str(raised.value)
    assert "rtsp://***@127.0.0.1" in str(raised.value)
