"""A real Mosquitto on a free port of the loopback interface."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converter.demo.broker import Mosquitto, find_mosquitto
from edge.errors import MissingError
from tests.system.daemons import Daemon


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
    """``start(config)``: ``edge run`` as a process."""
    daemons: list[Daemon] = []

    def begin(config: Path, environment: dict[str, str] | None = None) -> Daemon:
        daemons.append(Daemon(config, environment))
        return daemons[-1]

    yield begin
    for daemon in daemons:
        daemon.process.kill()
        daemon.process.wait()


def _missing(reason: str) -> str:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; nothing is skipped under CI")
    pytest.skip(reason)
