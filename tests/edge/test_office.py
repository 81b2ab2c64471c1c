"""The back office."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from edge.artifact.manifest import OutputSpec
from edge.buffer import Buffer
from edge.caretaker import Caretaker
from edge.decide import Decision
from edge.frames.care_options import CareOptions
from edge.health.histogram import LatencyHistogram
from edge.health.lanes import Lane
from edge.health.vitals import Vitals
from edge.judgement import Judgement
from edge.messages import Identity
from edge.office import LOOK_S, Office
from edge.pipeline import Accounts, Intake, Judged
from edge.tenure import Tenure


class Endless(Intake):
    """Always has another record, until told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()

    def take(self) -> Judged | None:
        if self.ended.is_set():
            return None
        decision = Decision("x", 0, 0.5, False, np.zeros(1, np.float32), OutputSpec(1, "float32"))
        return Judged(Judgement(0, 0, 0, 0, 0, decision), 1, ())


def test_the_state_is_renewed_every_second_even_when_records_never_end(tmp_path: Path) -> None:
    identity, intake = Identity("line-1", "", "", "b1", "cookie", 1, ()), Endless()
    with closing(Buffer(tmp_path / "buffer.db", cap_bytes=1 << 20)) as buffer:
        vitals = Vitals(identity, [Lane("camera", Accounts(), LatencyHistogram())], intake, buffer)
        office = Office(
            intake=intake,
            buffer=buffer,
            tenure=Tenure(0, identity),
            vitals=vitals,
            caretaker=Caretaker([], CareOptions(), identity, tmp_path),
            sync=None,
            health_interval_s=60,
        )
        office.start()
        seen, until = {vitals.latest.health.seq}, time.monotonic() + 10
        while len(seen) < 3 and time.monotonic() < until:
            seen.add(vitals.latest.health.seq)
            time.sleep(LOOK_S / 10)
        intake.ended.set()
        office.finish()
    assert len(seen) == 3
