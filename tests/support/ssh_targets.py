"""Devices to flash, behind a real sshd, for the system tests and the bench."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge.device.slots import Slots, SlotsState
from edge.trust import Trust
from tests.support.sshd import Sshd

EDGE = [sys.executable, "-m", "edge.cli.main"]
CONFIG = """
[device]
id = "{name}"
state = "{state}"
[source]
uri = "sim://line?width=64&height=48&fps=30"
policy = "every"
deadline_ms = 60000
[model]
path = "factory.tflite"
[slots]
shadow = 10
trial_frames = 30
min_agreement = 0.0
max_latency_ratio = 1000.0
reject_change = 1.0
"""


class Fleet:
    """Devices behind one sshd. Each trusts the session's key and runs version 1 from its configuration."""

    def __init__(self, sshd: Sshd, factory: bytes, key: bytes) -> None:
        self.sshd, self._factory, self._key = sshd, factory, key

    def add(self, name: str, *, state: Path | str = "state", **settings: object) -> Path:
        home = self.sshd.add(name, **settings)
        (home / "factory.tflite").write_bytes(self._factory)
        (home / "edge.toml").write_text(CONFIG.format(name=name, state=state))
        Trust(home / state / "trust").add(self._key)
        return home

    def slots(self, name: str, state: Path | str = "state") -> SlotsState:
        return Slots(self.sshd.home(name) / state / "slots").state()

    def words(self, *words: object) -> list[str]:
        return [*EDGE, "flash", "-F", str(self.sshd.config), "--config", "edge.toml", *map(str, words)]

    def flash(self, *words: object) -> Flashed:
        done = subprocess.run(self.words(*words), capture_output=True, text=True, check=False)
        return Flashed(done.returncode, done.stdout, done.stderr)


class Flashed:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Of ``--json``, by target."""
        return {found["target"]: found for found in map(json.loads, self.out.splitlines())}
