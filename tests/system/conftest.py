"""A real Mosquitto on a free port of the loopback interface."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from deploy.mosquitto.local import Mosquitto, find_mosquitto
from edge.errors import MissingError
from edge.inference.artifact.artifact import REFERENCE
from tests.support.daemon import EDGE, Daemon


@pytest.fixture(scope="session")
def openssl() -> str:
    program = shutil.which("openssl")
    return program or _missing("openssl is not installed; apt-get install --no-install-recommends openssl")


@pytest.fixture
def make_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Mosquitto]]:
    """``make_mosquitto(persistence="false", acl_file=…)``: a broker with these settings, not started yet."""
    brokers: list[Mosquitto] = []
    try:
        find_mosquitto()
    except MissingError as error:
        _missing(str(error))

    def make(**overrides: str) -> Mosquitto:
        brokers.append(Mosquitto(tmp_path_factory.mktemp("mosquitto"), overrides))
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


@pytest.fixture
def start() -> Iterator[Callable[..., Daemon]]:
    """``start(config)``: ``edge run`` as a process; ``edge=…``: by other means than this Python."""
    daemons: list[Daemon] = []

    def begin(config: Path, environment: dict[str, str] | None = None, edge: Sequence[str | Path] = EDGE) -> Daemon:
        daemons.append(Daemon(config, environment, edge))
        return daemons[-1]

    yield begin
    for daemon in daemons:
        daemon.process.kill()
        daemon.process.wait()


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """``monitor(url)`` starts ``edge monitor`` and returns its store."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(url: str) -> Path:
        store, log = tmp_path / "monitor.db", (tmp_path / "monitor.log").open("w")
        words = ["monitor", "--broker", url, "--store", str(store), "--json"]
        processes.append(subprocess.Popen([*EDGE, *words], stdout=subprocess.DEVNULL, stderr=log))
        return store

    yield begin
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def watched(tmp_path: Path, make_artifact: Callable[..., bytes], drift_reference: bytes) -> Path:
    """The colour model with a drift reference."""
    path = tmp_path / "watched.tflite"
    path.write_bytes(make_artifact(files={REFERENCE: drift_reference}))
    return path


def _missing(reason: str) -> str:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; nothing is skipped under CI")
    pytest.skip(reason)
