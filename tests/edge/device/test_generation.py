"""What the recorder keeps belongs to the cascade that judged it, while cameras are swapped one after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge.core.histogram import LatencyHistogram
from edge.device.buffer import Buffer, JudgingModel
from edge.device.buffer.reading import entries
from edge.device.buffer.schema import open_reader
from edge.device.generation import Generation, WatchedDrift
from edge.device.health.camera_health import CameraHealth
from edge.device.health.camera_view import CameraView
from edge.device.health.collector import HealthCollector
from edge.device.pipeline import Accounts, Intake
from edge.device.recorder import Recorder
from edge.drift import DriftWatch, Reference
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.cascade import ModelOutput
from edge.inference.frames.camera_monitor_options import CameraMonitorOptions
from edge.inference.judgement import Judgement
from edge.inference.tasks.classification import Decision
from edge.protocol.messages import Drift, Identity, decode
from edge.protocol.record import unpack

LABELS = ("red", "green", "blue")
DECISION = Decision("red", 0, 1.0, False, np.float32([1, 0, 0]), OutputSpec(3, "float32"))
PICTURE = np.zeros((8, 8, 3), np.uint8)


def generation(number: int, version: int, reference: bytes | None = None) -> Generation:
    identity = Identity("line-1", "", "", "b1", "colour", version, LABELS)
    watches = {}
    if reference is not None:
        watches[0, 0] = WatchedDrift(DriftWatch(Reference.from_bytes(reference), 10_000), identity, "0")
    return Generation(number, identity, watches, (LABELS,))


class Desk:
    """A recorder whose steps a test takes."""

    def __init__(self, folder: Path, first: Generation) -> None:
        self.intake, self.path = Intake(), folder / "buffer.db"
        self.buffer = Buffer(self.path, commit_s=600)
        lanes = [CameraView("0", Accounts(), LatencyHistogram())]
        self.collector = HealthCollector(first.identity, lanes, self.intake, self.buffer)
        self.recorder = Recorder(
            intake=self.intake,
            buffer=self.buffer,
            generation=first,
            collector=self.collector,
            camera_health=CameraHealth([], CameraMonitorOptions(), first.identity, folder),
            sync=None,
            health_interval_s=60,
        )
        self._part = 0

    def judge(self, *generations: int) -> None:
        """One part after another, each by the cascade of that number."""
        for number in generations:
            judgement = Judgement(0, self._part, self._part, self._part, 0, DECISION)
            self.intake.put(judgement, 1, [ModelOutput(0, DECISION, PICTURE)], number)
            self._part += 1
        self.recorder._step()

    def versions(self) -> list[int]:
        """Of the model that judged, by record."""
        self.buffer.commit()
        with closing(open_reader(self.path)) as db:
            found = [
                (record.seq, JudgingModel(entry.model, entry.model_version, entry.labels))
                for entry in entries(db, "predictions")
                for record in unpack(entry.payload)
            ]
        assert [seq for seq, _ in found] == list(range(self._part))
        assert {judge.labels for _, judge in found} == {LABELS}
        return [judge.version for _, judge in found]

    def windows(self) -> list[tuple[int, int, int]]:
        """Version, first and last record of each drift window."""
        self.buffer.commit()
        with closing(open_reader(self.path)) as db:
            told = [decode("drift", entry.payload) for entry in entries(db, "drift")]
        return [
            (one.model_version, one.window.first_seq, one.window.last_seq) for one in told if isinstance(one, Drift)
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, generation(0, 1))
    yield desk
    desk.buffer.close()


def test_records_of_two_models_may_alternate_and_each_is_its_own(desk: Desk) -> None:
    desk.recorder.expect(generation(1, 2))
    desk.judge(0, 0, 1, 0, 1, 1)
    assert desk.versions() == [1, 1, 2, 1, 2, 2]


def test_the_device_speaks_as_the_newest_from_its_first_record_on(desk: Desk) -> None:
    desk.recorder.expect(generation(1, 2))
    desk.judge(0)
    assert desk.collector.look().health.model_version == 1
    desk.judge(1, 0)
    assert desk.collector.look().health.model_version == 2


def test_windows_are_closed_when_all_that_the_model_judged_is_kept(tmp_path: Path, drift_reference: bytes) -> None:
    desk = Desk(tmp_path, generation(0, 1, drift_reference))
    desk.recorder.expect(generation(1, 2, drift_reference))
    desk.judge(*[0] * 40, 1, 0)
    assert desk.windows() == []
    desk.recorder.part_with(0)
    desk.judge(*[1] * 40)
    assert desk.windows() == [(1, 0, 41)]
    desk.recorder.part_with(1)
    desk.judge()
    assert desk.windows() == [(1, 0, 41), (2, 40, 81)]
    desk.buffer.close()


def test_a_record_that_comes_late_is_kept_under_its_model(tmp_path: Path, drift_reference: bytes) -> None:
    desk = Desk(tmp_path, generation(0, 1, drift_reference))
    desk.recorder.expect(generation(1, 2, drift_reference))
    desk.judge(*[0] * 40, 1)
    desk.recorder.part_with(0)
    desk.judge()
    desk.judge(0, 1)
    assert desk.versions()[-3:] == [2, 1, 2]
    assert desk.windows() == [(1, 0, 39)]
    desk.buffer.close()


def test_a_model_that_is_back_goes_on_with_its_window(tmp_path: Path, drift_reference: bytes) -> None:
    first = generation(0, 1, drift_reference)
    desk = Desk(tmp_path, first)
    desk.recorder.expect(generation(1, 2, drift_reference))
    desk.judge(*[0] * 20, *[1] * 40)
    desk.recorder.expect(Generation(2, first.identity, first.watches, first.labels))
    desk.recorder.part_with(1)
    desk.recorder.part_with(0)
    desk.judge(*[2] * 20)
    assert desk.windows() == [(2, 20, 59)]
    desk.recorder._close(desk.recorder._watches())
    assert desk.windows() == [(2, 20, 59), (1, 0, 79)]
    desk.buffer.close()


def test_whoever_observes_sees_each_record_once(desk: Desk) -> None:
    seen: list[int] = []
    desk.recorder.show_parts_to(lambda judged: seen.append(judged.judgement.part))
    desk.judge(0, 0)
    desk.recorder.show_parts_to(None)
    desk.judge(0)
    assert seen == [0, 1]
