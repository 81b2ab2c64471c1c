"""A Mosquitto of one's own on a free port of the loopback interface, that can be taken away and brought back."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from edge.errors import MissingError

START_S = 10.0


class LocalBroker:
    """A context manager: running inside, stopped outside. Sessions and retained messages survive :meth:`stop`."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._folder = folder
        self._program = find_mosquitto()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalBroker:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = (
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
            f"persistence true\npersistence_location {self._folder.resolve()}/\n"
        )
        (self._folder / "mosquitto.conf").write_text(config, "utf-8")
        self._folder.chmod(0o777)  # started as root, Mosquitto drops to a user of its own
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Returns once it accepts connections."""
        log = self._folder / "mosquitto.log"
        with log.open("ab") as stream:
            command = [self._program, "-c", str(self._folder / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stdout=stream, stderr=stream)
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise MissingError(f"Mosquitto did not start; see {log}")

    def stop(self) -> None:
        """Ends it; clients lose their connection."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


def find_mosquitto() -> str:
    """Raises MissingError when it is not installed. Debian puts it where normal users do not look."""
    program = os.environ.get("EDGE_MOSQUITTO") or shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        raise MissingError("Mosquitto is not installed; apt-get install --no-install-recommends mosquitto")
    return program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
