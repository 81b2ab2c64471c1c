"""A camera that dies in the middle of a picture ten times in a row, before the real ``edge run``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.unplugged_cameras import DyingCamera, Plug, Usb

pytestmark = pytest.mark.system

LOSSES = 10
AWAY_S = 0.2


@pytest.fixture(params=["network", "usb"])
def plug(
    request: pytest.FixtureRequest, tmp_path: Path, camera_environment: Callable[[Path], dict[str, str]]
) -> Iterator[Plug]:
    if request.param == "network":
        camera = DyingCamera()
        yield camera
        camera.close()
    else:
        folder = tmp_path / "cameras"
        folder.mkdir()
        yield Usb(folder, camera_environment(folder))


class Daemon:
    """``edge run`` as a process, watched from outside."""

    def __init__(self, config: Path, health: Path, environment: dict[str, str]) -> None:
        self.log, self._health = config.with_suffix(".log"), health
        words = [sys.executable, "-m", "edge.cli.main", "run", "-c", str(config), "--json"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | environment
            )

    def health(self) -> list[int]:
        """Frames captured, by each health message so far."""
        lines = self._health.read_text("utf-8").splitlines() if self._health.exists() else []
        return [json.loads(line)["payload"]["captured"] for line in lines if '"captured":' in line]

    def wait_until_it_delivers(self) -> None:
        """Until a health message counts more frames than another that was sent after this call."""
        seen, until = len(self.health()), time.monotonic() + 20
        while not (later := self.health()[seen:]) or later[-1] < later[0] + 5:
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def threads_and_handles(self) -> tuple[int, int]:
        own = Path(f"/proc/{self.process.pid}")
        return len(list((own / "task").iterdir())), len(list((own / "fd").iterdir()))

    def settled(self, most: tuple[int, int]) -> tuple[int, int]:
        """Threads and handles once neither are more than ``most``, or what they are after some seconds."""
        until = time.monotonic() + 5
        while True:
            threads, handles = self.threads_and_handles()
            if (threads <= most[0] and handles <= most[1]) or time.monotonic() > until:
                return threads, handles
            time.sleep(0.1)

    def report(self) -> dict[str, Any]:
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, self.log.read_text()
        found: dict[str, Any] = json.loads(out)
        return found


def test_nothing_crashes_nothing_leaks_and_every_loss_is_counted(
    plug: Plug, tmp_path: Path, write_config: Callable[..., Path]
) -> None:
    health = tmp_path / "out.jsonl"
    config = write_config(
        source=plug.uri, policy="latest", broker=f"file://{health}", extra="[health]\ninterval_s = 0.5"
    )
    daemon = Daemon(config, health, plug.environment)
    try:
        daemon.wait_until_it_delivers()
        before = daemon.threads_and_handles()
        for _ in range(LOSSES):
            plug.pull()
            time.sleep(AWAY_S)
            plug.put_back()
            daemon.wait_until_it_delivers()
        threads, handles = daemon.settled(before)
        report = daemon.report()
    finally:
        daemon.process.kill()
        daemon.process.wait()
    assert threads <= before[0]
    assert handles <= before[1]
    assert report["losses"] == LOSSES
    assert report["captured"] == report["decided"] + sum(report["dropped"].values()) > 5 * LOSSES
    said = daemon.log.read_text()
    assert "Traceback" not in said
    assert said.count("lost:") + said.count("is back") <= 2 * LOSSES
