"""A real Mosquitto on a free port of the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"


class Mosquitto:
    """The shipped configuration with its port, folder and ``overrides`` changed; the port stays the same for life."""

    def __init__(self, program: str, folder: Path, overrides: dict[str, str]) -> None:
        self.folder, self.port = folder, free_port()
        self._command = [program, "-c", str(folder / "mosquitto.conf")]
        self._process: subprocess.Popen[bytes] | None = None
        settings = {"listener": f"{self.port} 127.0.0.1", "persistence_location": f"{folder}/"} | overrides
        if os.getuid() == 0:
            settings["user"] = "root"  # it would become user mosquitto, who cannot read a test's folder
        (folder / "mosquitto.conf").write_text(changed(CONFIGURATION.read_text(), settings))

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while not self._accepts():
            assert self._process.poll() is None, f"mosquitto ended: {self.log}"
            assert time.monotonic() < deadline, f"mosquitto does not listen: {self.log}"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
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
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def reload(self) -> None:
        """Reads its configuration and ACL again."""
        self._running().send_signal(signal.SIGHUP)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def _accepts(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def changed(configuration: str, settings: dict[str, str]) -> str:
    """The configuration with the lines of these settings replaced, and those it has not appended."""
    names = [line.split(" ", 1)[0] for line in configuration.splitlines()]
    kept = [line for line, name in zip(configuration.splitlines(), names, strict=True) if name not in settings]
    return "\n".join(kept + [f"{name} {value}" for name, value in settings.items()]) + "\n"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="session")
def mosquitto_program() -> str:
    # Not on the PATH of normal users on Debian.
    program = (
        os.environ.get("EDGE_MOSQUITTO") or shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    )
    return need(program, "mosquitto")


@pytest.fixture(scope="session")
def openssl() -> str:
    return need(shutil.which("openssl"), "openssl")


def need(program: str | None, name: str) -> str:
    if program is None:
        reason = f"{name} is not installed (apt-get install {name})"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    return program


@pytest.fixture
def make_mosquitto(
    mosquitto_program: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Mosquitto]]:
    """``make_mosquitto(persistence="false", acl_file=…)``: a broker with these settings, not started yet."""
    brokers: list[Mosquitto] = []

    def make(**overrides: str) -> Mosquitto:
        folder = tmp_path_factory.mktemp("mosquitto")
        brokers.append(Mosquitto(mosquitto_program, folder, overrides))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.stop()


@pytest.fixture
def mosquitto(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """A running broker: ``.url``, ``.stop()``, ``.start()`` on the same port.

    As shipped, with persistence: without it, ``.stop()`` loses what the broker holds for a monitor that lags.
    """
    broker = make_mosquitto()
    broker.start()
    return broker
