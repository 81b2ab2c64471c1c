"""RTSP against a real server: H.264 over RTP, as network cameras send it.

The server is the package ``rtsp`` (RTSP and RTP in Python, x264 through PyAV) in a process of its own, which keeps
its FFmpeg apart from OpenCV's. A relay between the two can fall silent, and shows which way the video takes.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from edge.errors import SourceError
from edge.inference.frames import Frame, FrameSource, open_source
from edge.inference.frames.reopening import Reopening

pytestmark = pytest.mark.system

FPS = 25
CYCLE = 100
# Red at the top; below, the brightness counts the frames.
SERVER = f"""
import sys, numpy, rtsp
pictures = []
for number in range({CYCLE}):
    picture = numpy.full((96, 128, 3), 20 + 2 * number, numpy.uint8)
    picture[:48] = (255, 0, 0)
    pictures.append(picture)
with rtsp.Source("rtsp://127.0.0.1:" + sys.argv[1] + "/line", fps={FPS}, frame_buffer=pictures) as source:
    source.wait_encoding_started()
    print("ready", flush=True)
    source.serve_forever()
"""


class Relay:
    """Hands on what clients and server say over TCP, until ``silent`` is set."""

    def __init__(self, server_port: int) -> None:
        self.bytes_to_client = 0
        self.silent = threading.Event()
        self._server = ("127.0.0.1", server_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._server)
                except OSError:
                    client.close()
                    continue
                threading.Thread(target=self._hand_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self._hand_on, args=(server, client, True), daemon=True).start()

    def _hand_on(self, giver: socket.socket, taker: socket.socket, to_client: bool = False) -> None:
        with suppress(OSError):
            while data := giver.recv(65536):
                if not self.silent.is_set():
                    taker.sendall(data)
                    self.bytes_to_client += len(data) if to_client else 0
        with suppress(OSError):
            taker.shutdown(socket.SHUT_RDWR)


class NetworkCamera:
    """The server and the relay before it."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.relay = Relay(self._port)
        self.uri = f"rtsp://127.0.0.1:{self.relay.port}/line"
        self.plug_in()

    def plug_in(self) -> None:
        program = [sys.executable, "-c", SERVER, str(self._port)]
        self._server = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "ready\n"

    def unplug(self) -> None:
        self._server.kill()
        self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()


@pytest.fixture
def camera() -> Iterator[NetworkCamera]:
    if importlib.util.find_spec("rtsp") is None:
        reason = "no RTSP server to test with; pip install rtsp"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    camera = NetworkCamera()
    yield camera
    camera.unplug()
    camera.relay.close()


@pytest.fixture
def source(camera: NetworkCamera) -> Iterator[FrameSource]:
    source = open_source(f"{camera.uri}#timeout=2")
    yield source
    source.close()


def read(source: FrameSource, count: int) -> list[Frame]:
    frames = [source.read() for _ in range(count)]
    assert None not in frames
    return [frame for frame in frames if frame]


def read_until_lost(source: FrameSource) -> None:
    deadline = time.monotonic() + 10
    while source.read() and time.monotonic() < deadline:
        pass


def number(frame: Frame) -> float:
    """What the lower half counts, from 0 to CYCLE."""
    assert frame.image is not None
    return (float(frame.image[48:].mean()) - 20) / 2


@pytest.mark.realtime
def test_frames_are_bgr_and_come_over_tcp_at_the_pace_of_the_camera(camera: NetworkCamera, source: FrameSource):
    before = camera.relay.bytes_to_client
    frames = read(source, 40)
    assert source.live
    for frame in frames:
        assert frame.image is not None
        assert frame.image.shape == (96, 128, 3)
        assert frame.image.flags.c_contiguous
        np.testing.assert_allclose(frame.image[20, 64], (0, 0, 255), atol=25)
    times = [frame.captured_ns for frame in frames]
    assert times == sorted(times)
    assert (times[-1] - times[0]) / 1e9 == pytest.approx(39 / FPS, rel=0.2)
    # The pictures took the way through the relay: over TCP, as UDP would have gone past it.
    assert camera.relay.bytes_to_client - before > 40 * 12


@pytest.mark.realtime
def test_the_first_frames_are_fresh_although_others_queued_up_while_the_stream_was_opened(source: FrameSource):
    """FFmpeg looks at a stream for a second before it hands it on, and would deliver that second first."""
    frames = read(source, 40)
    # How far the count lags behind the clock; constant, except for frames that were stamped late.
    lags = [(frame.captured_ns / 1e9 - number(frame) / FPS) % (CYCLE / FPS) for frame in frames]
    steady = float(np.median(lags[10:]))
    assert all(abs(lag - steady) < 0.1 for lag in lags)


def test_a_camera_that_is_unplugged_is_lost(camera: NetworkCamera, source: FrameSource):
    read(source, 5)
    camera.unplug()
    begun = time.monotonic()
    with pytest.raises(SourceError, match=r"rtsp://127.0.0.1:\d+/line: (the stream ended|no frame for 2 s)"):
        read_until_lost(source)
    assert time.monotonic() - begun < 5


def test_a_camera_that_falls_silent_is_lost_after_the_timeout(camera: NetworkCamera, source: FrameSource):
    read(source, 5)
    camera.relay.silent.set()
    begun = time.monotonic()
    with pytest.raises(SourceError, match="no frame for 2 s; check the camera and the network"):
        read_until_lost(source)
    assert 1.5 < time.monotonic() - begun < 5


def test_a_camera_that_comes_back_is_opened_again(camera: NetworkCamera):
    source = Reopening(lambda: open_source(f"{camera.uri}#timeout=2"))
    before = read(source, 5)
    camera.unplug()
    replug = threading.Timer(1.0, camera.plug_in)
    replug.start()
    after = read(source, 20)
    assert source.losses == 1
    assert before[-1].captured_ns < after[-1].captured_ns
    assert (after[-1].captured_ns - after[-5].captured_ns) / 1e9 == pytest.approx(4 / FPS, abs=0.1)
    source.close()
    replug.join()
    assert source.read() is None


def test_closing_does_not_wait_for_a_camera_that_is_gone(camera: NetworkCamera):
    source = Reopening(lambda: open_source(f"{camera.uri}#timeout=20"))
    read(source, 5)
    camera.relay.silent.set()
    reader = threading.Thread(target=lambda: list(iter(source.read, None)), daemon=True)
    reader.start()
    time.sleep(0.5)
    source.close()
    reader.join(5)
    assert not reader.is_alive()


def test_a_path_behind_which_no_server_is_names_the_address(camera: NetworkCamera):
    camera.unplug()
    camera.relay.close()
    with pytest.raises(SourceError, match=rf"nothing answers at 127.0.0.1:{camera.relay.port}"):
        open_source(camera.uri)
