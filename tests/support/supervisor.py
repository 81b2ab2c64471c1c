"""``edge run`` that is started again whenever it ends, as with systemd's ``Restart=always``; and what it judged."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from edge.device.buffer.reading import entries
from edge.device.buffer.schema import open_reader
from edge.protocol.record import Record, unpack
from tests.support.daemon import EDGE

RESTART_S = 0.1
"""``RestartSec=`` of the shipped unit."""


class Supervised:
    """A shell loop, and ``edge run`` in it. The log of all runs is in one file."""

    def __init__(self, config: Path) -> None:
        self.config, self.log = config, config.with_suffix(".log")
        run = " ".join(shlex.quote(word) for word in [*EDGE, "run", "-c", str(config), "--json"])
        loop = f"while :; do {run}; sleep {RESTART_S}; done"
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", loop], stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
            )

    def wait(self, condition: Callable[[], object], within_s: float = 120.0) -> None:
        until = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < until, self.log.read_text()[-4000:]
            time.sleep(0.02)

    def close(self) -> None:
        """The loop and the daemon are gone."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def decisions(state: Path) -> list[tuple[str, str, int, Record]]:
    """Boot, model, version and record of all that is in the buffer, in the order of decision."""
    with closing(open_reader(state / "buffer.db")) as db:
        found = [
            (entry.boot_id, entry.model, entry.model_version, record)
            for entry in entries(db, "predictions")
            for record in unpack(entry.payload)
        ]
    return sorted(found, key=lambda one: decided_s(one[3]))


def decided_s(record: Record) -> float:
    """When it was decided, on the monotonic clock, which is the same for all boots of the daemon."""
    return record.captured_ns / 1e9 + record.latency_us / 1e6


def longest_gap_s(records: list[Record]) -> float:
    """Between two decisions one after the other."""
    times = [decided_s(record) for record in records]
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
