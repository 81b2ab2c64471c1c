"""A Mosquitto of one's own on a free port of the loopback interface, that can be taken away and brought back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from edge.errors import MissingError

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "deploy" / "mosquitto" / "mosquitto.conf"
UNPACKED = ROOT / "build" / "mosquitto" / "run"
"""Where ``deploy/setup/packages.sh`` puts Debian's package for those who may not install it."""
START_S = 10.0


class Mosquitto:
    """The shipped configuration with its port, folder and ``overrides`` changed; the port stays the same for life.

    As a context manager it runs inside and is stopped outside.
    """

    def __init__(self, folder: Path, overrides: Mapping[str, str] | None = None) -> None:
        """Raises MissingError when Mosquitto is not installed."""
        self.folder, self.port = folder.resolve(), _free_port()
        self._command = [find_mosquitto(), "-c", str(self.folder / "mosquitto.conf")]
        self._process: subprocess.Popen[bytes] | None = None
        settings = {"listener": f"{self.port} 127.0.0.1", "persistence_location": f"{self.folder}/"}
        if os.getuid() == 0:
            settings["user"] = "root"  # it would become user mosquitto, who cannot read just any folder
        self.folder.mkdir(parents=True, exist_ok=True)
        text = _changed(CONFIGURATION.read_text("utf-8"), settings | dict(overrides or {}))
        (self.folder / "mosquitto.conf").write_text(text, "utf-8")

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text("utf-8", "replace")

    def start(self) -> None:
        """Returns once it accepts connections. Raises MissingError when it does not."""
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > until:
                raise MissingError(f"Mosquitto did not start: {self.log.strip()}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it; clients lose their connection. What it saves survives."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            process.wait(10)

    def kill(self) -> None:
        """kill -9: nothing is said to anybody, nothing saved."""
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """The connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def reload(self) -> None:
        """Reads its configuration and ACL again."""
        self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _accepts(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def find_mosquitto() -> str:
    """Raises MissingError when it is not installed. Debian puts it where normal users do not look."""
    named = os.environ.get("EDGE_MOSQUITTO")
    for program in (named, "mosquitto", "/usr/sbin/mosquitto", str(UNPACKED)):
        if program and (found := shutil.which(program)):
            return found
    raise MissingError("Mosquitto is not installed; apt-get install --no-install-recommends mosquitto")


def _changed(configuration: str, settings: Mapping[str, str]) -> str:
    """The configuration with the lines of these settings replaced, and those it has not appended."""
    kept = [line for line in configuration.splitlines() if line.split(" ", 1)[0] not in settings]
    return "\n".join(kept + [f"{name} {value}" for name, value in settings.items()]) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
