"""A line in this process, whose slots a test changes while it runs."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path

from edge.device.buffer import JudgingModel
from edge.device.buffer.reading import entries
from edge.device.buffer.schema import open_reader
from edge.device.config import Config
from edge.device.line import Line
from edge.device.pipeline import Pipeline
from edge.device.report import LineReport
from edge.device.slots import FOLDER, Slots
from edge.device.slots.install import Installed, install
from edge.device.slots.trust import trust_of
from edge.protocol.messages import TrialOutcome
from edge.protocol.record import unpack

WITHIN_S = 150.0


class Running:
    """``edge run`` without a process of its own."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.slots, self.trust = Slots(config.device.state / FOLDER), trust_of(config)
        self.report: LineReport | None = None
        self.failure: Exception | None = None
        self._line = Line(config)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.report = self._line.run()
        except Exception as error:
            self.failure = error

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._line.stop()
        self._thread.join()

    def install(self, path: Path) -> Installed:
        return install(self.slots, self.trust, path)

    def outcome(self, path: Path) -> TrialOutcome:
        """Installs it, and waits for the end of its trial."""
        installed = self.install(path)
        self.wait(lambda: not self.slots.state().trial)
        outcome = self.slots.state().outcome
        assert outcome is not None
        assert outcome.sha256 == installed.sha256
        return outcome

    def wait(self, condition: Callable[[], object]) -> None:
        until = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < until, "it did not happen in time"
            assert self._thread.is_alive(), f"the line has ended: {self.failure}"
            time.sleep(0.01)

    @property
    def pipelines(self) -> list[Pipeline]:
        return [lane.pipeline for lane in self._line._lanes]

    def judges(self) -> list[JudgingModel]:
        """Those whose records are in the buffer, in order, each stretch once."""
        return [judge for judge, _ in groupby(judge for _, judge in judged(self.config.device.state))]


@contextmanager
def running(config: Config) -> Iterator[Running]:
    line = Running(config)
    line.start()
    try:
        yield line
    finally:
        line.stop()


def judged(state: Path) -> list[tuple[int, JudgingModel]]:
    """Each record's ``seq`` and the model that judged it, as the buffer has it; none while that is being made."""
    try:
        with closing(open_reader(state / "buffer.db")) as db:
            return [
                (record.seq, JudgingModel(entry.model, entry.model_version, entry.labels))
                for entry in entries(db, "predictions")
                for record in unpack(entry.payload)
            ]
    except sqlite3.Error:
        return []
