"""Real files and servers for the frame sources to read."""

from __future__ import annotations

import http.server
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.inference.frames import Image
from tests.support.unplugged_cameras import compile_driver, fake_cameras

RED = (0, 0, 255)
SIZE = (64, 48)


@pytest.fixture(scope="session")
def red_image() -> Image:
    """48×64, pure red in BGR."""
    return np.full((*SIZE[::-1], 3), RED, np.uint8)


@pytest.fixture
def write_images(red_image: Image) -> Callable[..., None]:
    """``write_images(folder, "a.png", "sub/b.jpg")`` writes red images."""

    def write(folder: Path, *names: str) -> None:
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(path.suffix.lower(), red_image)[1].tobytes())

    return write


@pytest.fixture
def write_video(red_image: Image) -> Callable[..., Path]:
    """``write_video(path, frames)``: Motion JPEG in AVI, so that every frame stands by itself."""

    def write(path: Path, frames: int = 5) -> Path:
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, SIZE)
        for _ in range(frames):
            writer.write(red_image)
        writer.release()
        return path

    return write


@pytest.fixture
def write_gif() -> Callable[..., Path]:
    """``write_gif(path, frames)``: an animated GIF89a, uncompressed (a clear code before the table can grow)."""

    def write(path: Path, frames: int = 5) -> Path:
        width, height = SIZE
        palette = bytes(RED[::-1]) * 128
        size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
        # Eight-bit codes: 0x80 clears, 0x81 ends, below are pixels; 100 of them stay below the next code length.
        pixels = (
            b"".join(b"\x80" + bytes(min(100, width * height - i)) for i in range(0, width * height, 100)) + b"\x81"
        )
        blocks = b"".join(
            bytes([len(part)]) + part for part in (pixels[i : i + 255] for i in range(0, len(pixels), 255))
        )
        frame = b"!\xf9\x04\x04\x0a\x00\x00\x00" + b",\x00\x00\x00\x00" + size + b"\x00\x07" + blocks + b"\x00"
        path.write_bytes(b"GIF89a" + size + b"\xf6\x00\x00" + palette + frame * frames + b";")
        return path

    return write


@pytest.fixture
def locked_folder(write_images: Callable[..., None], write_video: Callable[..., Path]) -> Iterator[Path]:
    """A folder with the folder ``locked`` and the files ``locked.png`` and ``locked.avi``, forbidden even to root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder, "locked.png", "locked/1.png")
        write_video(folder / "locked.avi")
        for path in folder.glob("locked*"):
            path.chmod(0)
        folder.chmod(0o755)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # nobody
        yield folder
        os.seteuid(user)
        (folder / "locked").chmod(0o700)


@pytest.fixture(scope="session")
def mjpeg_server(red_image: Image) -> Iterator[str]:
    """A network camera that sends Motion JPEG over HTTP, 50 frames per second; its address.

    ``/20`` sends twenty frames and hangs up, ``/20/stall`` sends twenty and falls silent.
    """
    jpeg = cv2.imencode(".jpg", red_image)[1].tobytes()
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg)
    stopped = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            count, _, then = self.path.strip("/").partition("/")
            if not count.isdecimal():
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                for _ in range(int(count)):
                    self.wfile.write(part)
                    time.sleep(0.02)
            except OSError:
                return  # the reader hung up
            if then == "stall":
                stopped.wait(30)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    stopped.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake V4L2 driver, compiled."""
    library = compile_driver(tmp_path_factory.mktemp("driver"))
    if library is None:
        reason = "no C compiler to build the camera driver for tests; apt install tcc libc6-dev"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    return library


@pytest.fixture
def camera_environment(driver: Path, tmp_path: Path) -> Callable[[Path], dict[str, str]]:
    """``camera_environment(folder)``: variables that turn the files in a folder into cameras, for a new process."""
    return lambda cameras: fake_cameras(driver, cameras, tmp_path)
