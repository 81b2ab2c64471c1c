"""The recorder."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from edge.core.histogram import LatencyHistogram
from edge.device.buffer import Buffer
from edge.device.generation import Generation
from edge.device.health.camera_health import CameraHealth
from edge.device.health.camera_view import CameraView
from edge.device.health.collector import HealthCollector
from edge.device.pipeline import Accounts, Intake, JudgedPart
from edge.device.recorder import LOOK_S, Recorder
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.inference.judgement import Judgement
from edge.inference.tasks.classification import Decision
from edge.protocol.messages import Identity


class Endless(Intake):
    """Always has another record, until told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()

    def take(self) -> JudgedPart | None:
        if self.ended.is_set():
            return None
        decision = Decision("x", 0, 0.5, False, np.zeros(1, np.float32), OutputSpec(1, "float32"))
        return JudgedPart(Judgement(0, 0, 0, 0, 0, decision), 1, ())


def test_the_state_is_renewed_every_second_even_when_records_never_end(tmp_path: Path) -> None:
    identity, intake = Identity("line-1", "", "", "b1", "cookie", 1, ()), Endless()
    with closing(Buffer(tmp_path / "buffer.db", cap_bytes=1 << 20)) as buffer:
        collector = HealthCollector(identity, [CameraView("camera", Accounts(), LatencyHistogram())], intake, buffer)
        recorder = Recorder(
            intake=intake,
            buffer=buffer,
            generation=Generation(0, identity),
            collector=collector,
            camera_health=CameraHealth([], CameraMonitorOptions(), identity, tmp_path),
            sync=None,
            health_interval_s=60,
        )
        recorder.start()
        seen, until = {collector.latest.health.seq}, time.monotonic() + 10
        while len(seen) < 3 and time.monotonic() < until:
            seen.add(collector.latest.health.seq)
            time.sleep(LOOK_S / 10)
        intake.ended.set()
        recorder.finish()
    assert len(seen) == 3
