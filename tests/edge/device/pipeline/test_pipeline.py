"""The way of a frame: every one is decided or dropped for a stated reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.choices import Policy
from edge.device.pipeline import Intake, MailboxPolicy, Pipeline
from edge.errors import SourceError
from edge.gates import NoGate, SimulatedGate
from edge.inference.artifact.describe import Given
from edge.inference.cascade import Cascade
from edge.inference.frames import Frame, open_source
from edge.inference.frames.frame import Image
from edge.inference.judgement import Judgement
from edge.inference.model import load
from edge.inference.tasks.classification import ClassificationRule


class Burst:
    """A live source that delivers as fast as it is read, or dies when told so."""

    live = True

    def __init__(self, image: Image, count: int, dies: bool = False, pause_s: float = 0.0) -> None:
        self._image, self._left, self._dies, self._pause_s = image, count, dies, pause_s
        self.closed = threading.Event()

    def read(self) -> Frame | None:
        if self._left == 0 and self._dies:
            raise SourceError("camera://0: gone")
        if self._left == 0 or self.closed.is_set():
            return None
        self._left -= 1
        self.closed.wait(self._pause_s)
        return Frame(self._image, time.monotonic_ns(), time.time_ns())

    def close(self) -> None:
        self.closed.set()


class SlowGate(NoGate):
    def act(self, judgement: Judgement) -> None:
        time.sleep(0.004)


@pytest.fixture
def model(artifact: Path, tried: Callable[..., Path]) -> Cascade:
    return Cascade(load(artifact, rule=ClassificationRule(frozenset({"red"})), state=tried()))


def drain(intake: Intake) -> list[int]:
    parts = []
    while (judged := intake.take()) is not None:
        parts.append(judged.judgement.part)
        intake.release(judged)
    return parts


def test_every_picture_of_a_folder_is_decided_in_order(model: Cascade, photos: Path) -> None:
    intake, gate = Intake(), SimulatedGate()
    pipeline = Pipeline(open_source(str(photos)), model, gate, intake, MailboxPolicy("every"))
    pipeline.run()
    assert pipeline.accounts.captured == pipeline.accounts.decided == 30
    assert drain(intake) == list(range(30))
    assert gate.fired == 10
    assert gate.passed == 20
    assert list(gate.last) == list(range(0, 30, 3))


def test_a_damaged_picture_is_counted_and_the_rest_is_judged(model: Cascade, photos: Path) -> None:
    (photos / "07.png").write_bytes(b"not a picture")
    intake = Intake()
    pipeline = Pipeline(open_source(str(photos)), model, NoGate(), intake, MailboxPolicy("every"))
    pipeline.run()
    assert +pipeline.accounts.dropped == {"unreadable": 1}
    assert drain(intake) == [seq for seq in range(30) if seq != 7]


def test_a_late_model_judges_the_latest_frame_and_counts_the_others(
    model: Cascade, picture: Callable[..., Image]
) -> None:
    intake = Intake()
    source = Burst(picture("red"), 300, pause_s=0.0005)
    pipeline = Pipeline(source, model, SlowGate(), intake, MailboxPolicy("latest"))
    pipeline.run()
    accounts = pipeline.accounts
    assert accounts.captured == 300
    assert accounts.balanced
    assert accounts.dropped["overrun"] > 100
    assert drain(intake)[-1] == 299


def test_a_source_that_can_wait_loses_nothing_to_a_late_model(model: Cascade, picture: Callable[..., Image]) -> None:
    pipeline = Pipeline(Burst(picture("red"), 60), model, SlowGate(), Intake(), MailboxPolicy("every"))
    pipeline.run()
    assert pipeline.accounts.decided == 60


@settings(max_examples=8)
@given(after_s=st.floats(0, 0.15), policy=st.sampled_from(["latest", "every", "adaptive"]))
def test_the_accounts_balance_whenever_the_line_is_stopped(after_s: float, policy: Policy) -> None:
    model = _shared_model()
    source = Burst(np.zeros((20, 20, 3), np.uint8), 10**9, pause_s=0.0003)
    pipeline = Pipeline(source, model, SlowGate(), Intake(), MailboxPolicy(policy))
    threading.Timer(after_s, pipeline.stop).start()
    pipeline.run()
    assert pipeline.accounts.balanced
    assert source.closed.is_set()


def test_a_source_that_is_gone_for_good_is_an_error_after_the_accounts_balance(
    model: Cascade, picture: Callable[..., Image]
) -> None:
    pipeline = Pipeline(Burst(picture("blue"), 20, dies=True), model, NoGate(), Intake(), MailboxPolicy("every"))
    with pytest.raises(SourceError, match="gone"):
        pipeline.run()
    assert pipeline.accounts.captured == 20
    assert pipeline.accounts.balanced


def test_a_back_office_that_stands_still_costs_pictures_before_records(
    model: Cascade, picture: Callable[..., Image]
) -> None:
    intake = Intake()
    pipeline = Pipeline(Burst(picture("red"), 500, pause_s=0.0005), model, NoGate(), intake, MailboxPolicy("latest"))
    pipeline.run()
    decided = pipeline.accounts.decided
    kept = [intake.take() for _ in range(decided)]
    assert intake.take() is None
    assert sum(judged is not None and judged.looks != () for judged in kept) == 64
    assert intake.without_picture == decided - 64
    assert intake.lost == 0


def test_the_picture_in_the_intake_is_a_copy_and_its_memory_returns(
    model: Cascade, picture: Callable[..., Image]
) -> None:
    intake = Intake()

    def put(colour: str) -> None:
        decision = model.predict(picture(colour))
        intake.put(Judgement(0, 0, 0, 0, 0, decision), 5, model.looks)

    put("red")
    put("blue")
    first, second = intake.take(), intake.take()
    assert first is not None and second is not None
    assert first.looks[0].picture[0, 0].tolist() == [0, 0, 255]
    assert second.looks[0].picture[0, 0].tolist() == [255, 0, 0]
    intake.release(first)
    put("green")
    third = intake.take()
    assert third is not None
    assert third.looks[0].picture is first.looks[0].picture
    assert third.looks[0].picture[0, 0].tolist() == [0, 255, 0]


_MODEL: list[Cascade] = []


def _shared_model() -> Cascade:
    if not _MODEL:
        path = Path(__file__).parents[3] / "data" / "colour.tflite"
        _MODEL.append(Cascade(load(path, given=Given(colour="RGB", range="0..255"))))
    return _MODEL[0]
