"""Cameras that can be pulled and put back: a server process, and the V4L2 camera in user space."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

HERE = Path(__file__).parent


def compile_driver(folder: Path) -> Path | None:
    """fake_v4l2.c as a library to preload; None without a C compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang", "tcc"))), None)
    if compiler is None:
        return None
    library = folder / "fake_v4l2.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, HERE / "fake_v4l2.c"], check=True)
    return library


def fake_cameras(driver: Path, cameras: Path, scratch: Path) -> dict[str, str]:
    """Variables that turn the files in ``cameras`` into cameras; their JPEG is red above and blue below."""
    picture = np.full((480, 640, 3), (0, 0, 255), np.uint8)
    picture[240:] = (255, 0, 0)
    jpeg = scratch / "picture.jpg"
    jpeg.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
    return {
        "LD_PRELOAD": str(driver),
        "FAKE_V4L2": str(cameras),
        "FAKE_V4L2_JPEG": str(jpeg),
        "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "1",
    }


class Plug(Protocol):
    """A camera that can be pulled and put back. ``uri`` is where, ``environment`` what its reader needs."""

    uri: str
    environment: dict[str, str]

    def pull(self) -> None: ...

    def put_back(self) -> None: ...


class DyingCamera:
    """A server process that is killed after half a picture, and started again on the same port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}/live#timeout=2"
        self.environment: dict[str, str] = {}
        self.put_back()

    def put_back(self) -> None:
        program = [sys.executable, str(HERE / "dying_camera.py"), str(self._port)]
        self._server = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "ready\n"

    def pull(self) -> None:
        self._server.communicate("die\n", timeout=10)
        assert self._server.returncode == -signal.SIGKILL

    def close(self) -> None:
        self._server.kill()
        self._server.communicate()


class Usb:
    """The user-space V4L2 camera: unplugged while its file is away."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._file = folder / "plug"
        self.uri = f"camera://{self._file}"
        self.environment = environment
        self.put_back()

    def put_back(self) -> None:
        self._file.touch()

    def pull(self) -> None:
        self._file.unlink()
