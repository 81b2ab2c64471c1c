"""The daemon on an emulated Raspberry Pi 4, its broker, and a model that is flashed to it over SSH from here."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from edge.device.buffer import Buffer
from edge.device.status.client import ask
from edge.errors import StateError
from edge.protocol.messages import Health
from edge.trust.keys import PrivateKey, public_pem
from tests.support.daemon import EDGE as WORKSTATION_EDGE
from tests.support.daemon import Daemon, delivered
from tests.support.sshd import Sshd
from tests.system.arm64.board import EDGE, PROJECT, PYTHON, emulated, environment

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

PATIENCE_S = 240.0
LINE = "sim://line?width=64&height=48"
TRIAL = "[slots]\nshadow = 5\nshadow_s = 60\ntrial_frames = 30\nmax_latency_ratio = 1000.0\n"


@pytest.fixture
def board(start: Callable[..., Daemon]) -> Callable[[Path], Daemon]:
    """``board(config)``: ``edge run`` on the board, once it judges."""

    def begin(config: Path) -> Daemon:
        daemon = start(config, environment(), EDGE)
        daemon.wait_for("judging", PATIENCE_S)
        return daemon

    return begin


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """The board's SSH server: ``edge`` is the emulated one."""
    server = Sshd(tmp_path)
    home = server.add("line-1")
    (home / "bin" / "edge").write_text(
        f'#!/bin/sh\nPYTHONPATH="{PROJECT}" exec "{PYTHON}" -m edge.cli.main "$@"\n', "utf-8"
    )
    server.start()
    yield server
    server.stop()


def health(folder: Path, judged: int) -> Health:
    """Of the daemon in this state folder, once it has judged so many parts."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(StateError):
            found = ask(folder).health
            if found.judged >= judged:
                return found
        time.sleep(0.2)
    raise AssertionError(f"not {judged} parts judged within {PATIENCE_S:.0f} s")


def test_kill_9_loses_nothing_that_was_committed_and_everything_reaches_the_broker(
    tmp_path: Path,
    write_config: Callable[..., Path],
    board: Callable[[Path], Daemon],
    mosquitto: Any,
    monitor: Callable[[str], Path],
) -> None:
    store = monitor(mosquitto.url)
    config = write_config(source=f"{LINE}&fps=10", broker=mosquitto.url, extra="[buffer]\ncommit_s = 0.5")
    daemon = board(config)
    seen = health(tmp_path / "state", 20)
    assert seen.temperature_c == 48.312
    daemon.process.kill()
    daemon.process.wait()
    with closing(Buffer(tmp_path / "state" / "buffer.db")) as buffer:
        assert buffer.set_aside is None
        first = [(boot_id, record.seq) for boot_id, record in buffer.records()]
    assert [seq for _, seq in first] == list(range(len(first)))
    assert first

    report = board(write_config(source=f"{LINE}&count=20&pace=fast", broker=mosquitto.url)).report(PATIENCE_S)
    assert report["captured"] == report["decided"] + sum(report["dropped"].values()) == 20
    assert report["pending"] == 0
    found = delivered(store, len(first) + report["judged"], PATIENCE_S)
    assert sorted(found) == sorted([*first, *((report["boot_id"], seq) for seq in range(report["judged"]))])


def test_a_flashed_model_is_tried_and_committed_and_a_wrong_one_never_judges(
    tmp_path: Path,
    write_config: Callable[..., Path],
    board: Callable[[Path], Daemon],
    sshd: Sshd,
    make_signed: Callable[..., bytes],
    signing_key: PrivateKey,
) -> None:
    config = write_config(source=f"{LINE}&fps=4", policy="latest", extra=TRIAL)
    # A loaded emulator is far slower than a line; what is tried here is not its speed.
    patient = config.read_text("utf-8").replace('policy = "latest"', 'policy = "latest"\ndeadline_ms = 60000.0')
    config.write_text(patient, "utf-8")
    public = tmp_path / "ours.pub"
    public.write_bytes(public_pem(signing_key.public))
    emulated("-m", "edge.cli.main", "keys", "trust", str(public), "-c", str(config))
    daemon = board(config)
    health(tmp_path / "state", 5)

    committed = _flash(sshd, config, tmp_path / "new.tflite", make_signed(version=2))
    assert committed["result"] == "committed", committed
    refused = _flash(sshd, config, tmp_path / "swapped.tflite", make_signed(version=3, input=_swapped(make_signed)))
    assert refused["result"] in ("refused", "rolled back"), refused
    assert "golden samples come out" in refused["reason"]

    slots = json.loads(emulated("-m", "edge.cli.main", "slots", "list", "-c", str(config), "--json").stdout)
    active = {slot["name"]: slot["version"] for slot in slots["slots"]}[slots["active"]]
    assert active == 2
    seen = health(tmp_path / "state", health(tmp_path / "state", 0).judged + 5)
    assert seen.model_version == 2
    daemon.process.send_signal(signal.SIGTERM)
    report = daemon.report(PATIENCE_S)
    assert report["captured"] == report["decided"] + sum(report["dropped"].values())


def _swapped(make_signed: Callable[..., bytes]) -> Any:
    """The input as the manifest states it, with the wrong colour order."""
    from dataclasses import replace

    from edge.inference.artifact.artifact import MANIFEST
    from edge.inference.artifact.container import split
    from edge.inference.artifact.manifest import Manifest

    stated = Manifest.from_json(split(make_signed())[1][MANIFEST]).input
    return replace(stated, colour="BGR")


def _flash(sshd: Sshd, config: Path, path: Path, content: bytes) -> dict[str, Any]:
    """``edge flash`` on this machine; what it says of the one device."""
    path.write_bytes(content)
    words = ["flash", str(path), "line-1", "--json", "-F", str(sshd.config), "--config", str(config)]
    done = subprocess.run(
        [*WORKSTATION_EDGE, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found
