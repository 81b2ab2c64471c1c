"""Parts through the pipeline: one record for each part on the belt, with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.device.pipeline import (
    Cut,
    FollowedParts,
    Intake,
    JudgedPart,
    MailboxPolicy,
    Pipeline,
    PipelineStage,
    VotedParts,
)
from edge.gates import SimulatedGate
from edge.inference.cascade import Cascade
from edge.inference.frames import open_source
from edge.inference.model import load
from edge.inference.parts import Calibration, Parts, PartsOptions
from edge.inference.parts.options import Judging
from edge.sim import SimulatedLine
from tests.edge.device.pipeline.conftest import BELT

pytestmark = pytest.mark.slow

FRAMES = 150
PX_PER_MM = 160 / 90


@pytest.fixture
def run(
    artifact: Path, belt_file: Path, tried: Callable[..., Path]
) -> Callable[..., tuple[Pipeline, list[JudgedPart]]]:
    """``run(uri, judging)``: the pipeline that has judged the whole line, and its records."""

    def judge(uri: str, judging: Judging) -> tuple[Pipeline, list[JudgedPart]]:
        parts = Parts(Calibration.load(belt_file), PartsOptions(judging=judging))
        stage: PipelineStage = (
            VotedParts(parts, Cut()) if judging == "vote" else FollowedParts(parts, Cut(square=True))
        )
        intake = Intake()
        source = open_source(f"{uri}&count={FRAMES}")
        model = Cascade(load(artifact, state=tried()))
        pipeline = Pipeline(source, model, SimulatedGate(), intake, MailboxPolicy("every"), stage=stage)
        pipeline.run()
        return pipeline, list(iter(intake.take, None))

    return judge


def passed(line: SimulatedLine) -> list[int]:
    """Parts that crossed the centre line, but for those next to it at either end."""
    start, end = (line.belt.travelled(number / line.options.fps) for number in (0, FRAMES - 1))
    return [part for part in line.belt.parts_between(start, end) if start + 25 < line.belt.place(part)[0] < end - 25]


@pytest.mark.parametrize("judging", ["once", "vote"])
@pytest.mark.parametrize("speed", [300, 900])
def test_each_part_is_one_record_in_the_order_of_the_belt(
    run: Callable[..., tuple[Pipeline, list[JudgedPart]]], judging: Judging, speed: int
) -> None:
    uri = f"{BELT}&speed={speed}"
    pipeline, found = run(uri, judging)
    accounts = pipeline.accounts
    expected = passed(SimulatedLine.from_uri(uri))
    assert accounts.captured == accounts.decided == FRAMES
    assert accounts.balanced
    assert accounts.parts_lost == 0
    assert len(found) == accounts.judged
    assert len(expected) <= len(found) <= len(expected) + 8  # those in view at either end may count or not
    parts = [one.judgement.part for one in found]
    assert len(set(parts)) == len(parts)
    assert all(len(one.looks) == 1 and one.looks[0].picture.shape == (8, 8, 3) for one in found)


def test_the_place_on_the_belt_is_that_of_the_part(run: Callable[..., tuple[Pipeline, list[JudgedPart]]]) -> None:
    uri = f"{BELT}&speed=600"
    line = SimulatedLine.from_uri(uri)
    _, found = run(uri, "once")
    places = np.array([one.judgement.belt_px for one in found][3:])
    true = np.array([line.belt.place(part)[0] for part in passed(line)]) * PX_PER_MM
    assert (np.diff(places) > 0).all()
    assert np.median(np.diff(places)) == pytest.approx(np.median(np.diff(true)), abs=6)
    assert places[-1] - places[0] == pytest.approx((len(places) - 1) * np.diff(true).mean(), rel=0.03)


def test_frames_without_parts_are_decided_and_judge_nothing(
    artifact: Path, belt_file: Path, photos: Path, tried: Callable[..., Path]
) -> None:
    import cv2

    calibration = Calibration.load(belt_file)
    empty = cv2.resize(calibration.background, (640, 160))
    for path in photos.iterdir():
        cv2.imwrite(str(path), empty)
    intake = Intake()
    stage = FollowedParts(Parts(calibration), Cut())
    model = Cascade(load(artifact, state=tried()))
    pipeline = Pipeline(open_source(str(photos)), model, SimulatedGate(), intake, MailboxPolicy("every"), stage=stage)
    pipeline.run()
    assert pipeline.accounts.decided == 30
    assert pipeline.accounts.judged == 0
    assert intake.take() is None
