"""``edge run`` as a process, for tests of the whole daemon."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from edge.monitor import Store

EDGE = [sys.executable, "-m", "edge.cli.main"]


class Daemon:
    """``edge run`` as a process."""

    def __init__(
        self, config: Path, environment: dict[str, str] | None = None, edge: Sequence[str | Path] = EDGE
    ) -> None:
        self.log = config.with_suffix(".log")
        self.out = config.with_suffix(".out")
        command = [*edge, "run", "-c", str(config), "--json"]
        with self.log.open("w") as log, self.out.open("w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=log, env=environment)

    def wait_for(self, pattern: str, timeout_s: float = 60) -> None:
        until = time.monotonic() + timeout_s
        while not re.search(pattern, self.log.read_text()):
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def report(self, timeout_s: float = 60) -> dict[str, Any]:
        assert self.process.wait(timeout_s) == 0, self.log.read_text()
        found: dict[str, Any] = json.loads(self.out.read_text())
        return found


def delivered(store: Path, count: int, timeout_s: float = 20) -> list[tuple[str, int]]:
    """What the monitor holds, once there are ``count`` records or time is up."""
    until = time.monotonic() + timeout_s
    while True:
        with closing(Store(store)) as opened:
            found = [(boot_id, record.seq) for boot_id, record in opened.records("line-1")]
        if len(found) >= count or time.monotonic() > until:
            return found
        time.sleep(0.1)


def wait_until(holds: Callable[[], object], seconds: float = 30.0, pause_s: float = 0.02) -> None:
    """An AssertionError when it does not within so many ``seconds``."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds:.0f} s"
        time.sleep(pause_s)
