"""Which parts are kept."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.device.audit import AuditFolder, Auditor
from edge.device.audit.auditor import margin
from edge.device.audit.draw import Draw
from edge.device.audit.folder import read_samples
from edge.device.audit.models import ModelFacts, read_models
from edge.device.audit.sample import SCORES_MOST
from edge.device.config import AuditConfig
from edge.device.pipeline import JudgedPart
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.cascade import ModelOutput
from edge.inference.judgement import Judgement
from edge.inference.tasks.classification import Decision
from edge.protocol.messages import AuditSample, Identity, decode, encode
from edge.protocol.record import REJECTED, Record

LABELS = ("whole", "burnt", "broken")
IDENTITY = Identity("line-1", "", "", "000001-abc", "cookie", 3, LABELS)
SURE, UNSURE = (0.9, 0.06, 0.04), (0.36, 0.34, 0.3)


class Device:
    """An auditor and what it is shown."""

    def __init__(
        self,
        state: Path,
        models: tuple[tuple[str, ...], ...] = (LABELS,),
        identity: Identity = IDENTITY,
        **config: Any,
    ) -> None:
        self.state = state
        self.folder = AuditFolder(state, 1 << 22)
        facts = ModelFacts(identity.labels, 3, 100)
        self.auditor = Auditor(AuditConfig(**config), self.folder, identity, ("top", "side"), models, facts)
        self.labels = identity.labels

    def see(
        self,
        part: int,
        scores: tuple[float, ...] = SURE,
        outlying: bool = False,
        camera: int = 0,
        picture: bool = True,
    ) -> AuditSample | None:
        raw = np.array(scores, np.float32)
        best = int(raw.argmax())
        label = self.labels[best]
        decision = Decision(label, best, float(raw[best]), label != "whole", raw, OutputSpec(len(raw), "float32"))
        looks = (ModelOutput(0, decision, np.full((8, 8, 3), part % 256, np.uint8)),) if picture else ()
        judged = JudgedPart(Judgement(camera, part, 5, 10**18 + part, 0, decision), 1, looks)
        flags = REJECTED if decision.reject else 0
        record = Record(part, 5, 10**18 + part, 1, decision.score, best, flags, camera, part)
        return self.auditor.see(record, judged, outlying)

    def kept(self) -> list[tuple[int, tuple[str, ...]]]:
        return [(sample.part, sample.why) for sample in read_samples(self.state)]


def test_by_default_nothing_is_kept_or_written(tmp_path: Path) -> None:
    device = Device(tmp_path / "audit")
    assert [device.see(part, UNSURE, outlying=True) for part in range(50)] == [None] * 50
    assert not (tmp_path / "audit").exists()


def test_the_random_ones_are_those_that_the_draw_names_at_each_camera(tmp_path: Path) -> None:
    device = Device(tmp_path, share=0.1)
    for part in range(300):
        device.see(part, camera=1)
    draw = Draw("line-1", "000001-abc", "side")
    assert device.kept() == [(part, ("random",)) for part in range(300) if draw(part) < 0.1]
    assert {(sample.camera, sample.share) for sample in read_samples(tmp_path)} == {("side", 0.1)}


@pytest.mark.parametrize(
    ("config", "scores", "outlying", "why"),
    [
        ({"uncertain_below": 0.5}, UNSURE, False, ("uncertain",)),
        ({"uncertain_below": 0.36}, UNSURE, False, ()),
        ({"margin_below": 0.1}, UNSURE, False, ("uncertain",)),
        ({"margin_below": 0.1}, SURE, False, ()),
        ({"outliers": True}, SURE, True, ("outlying",)),
        ({"outliers": False}, SURE, True, ()),
        ({"share": 1.0, "outliers": True, "uncertain_below": 1.0}, SURE, True, ("random", "uncertain", "outlying")),
    ],
)
def test_every_reason_to_keep_a_part_is_named(
    tmp_path: Path, config: dict[str, Any], scores: tuple[float, ...], outlying: bool, why: tuple[str, ...]
) -> None:
    device = Device(tmp_path, **config)
    device.see(4, scores, outlying)
    assert device.kept() == ([(4, why)] if why else [])


def test_hard_parts_are_limited_in_rate_and_random_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("edge.device.audit.auditor.time.monotonic", lambda: now[0])
    device = Device(tmp_path / "hard", uncertain_below=0.5, max_per_minute=3)
    for part in range(10):
        device.see(part, UNSURE)
    now[0] += 60
    device.see(10, UNSURE)
    assert [part for part, _ in device.kept()] == [0, 1, 2, 10]
    both = Device(tmp_path / "both", share=1.0, uncertain_below=0.5, max_per_minute=3)
    for part in range(10):
        both.see(part, UNSURE)
    assert both.kept() == [(part, ("random", "uncertain")) for part in range(10)]


def test_a_request_takes_the_next_parts_and_is_named_in_the_message(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.see(0)
    device.folder.request(2, "anna")
    messages = [device.see(part) for part in (1, 2, 3)]
    assert [message and (message.request, message.part) for message in messages] == [("anna", 1), ("anna", 2), None]
    assert device.kept() == [(1, ("requested",)), (2, ("requested",))]


def test_pictures_leave_only_where_that_is_allowed(tmp_path: Path) -> None:
    silent, open_ = (
        Device(tmp_path / "a", share=1.0).see(7),
        Device(tmp_path / "b", share=1.0, send_images=True).see(7),
    )
    assert silent is not None
    assert open_ is not None
    assert silent.picture == ""
    png = np.frombuffer(base64.b64decode(open_.picture), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(png, cv2.IMREAD_COLOR), np.full((8, 8, 3), 7))
    assert decode("audit", encode(open_)) == open_
    assert (silent.record_seq, silent.why, silent.label) == (7, ("random",), "whole")
    assert silent.scores == {"whole": 0.9, "burnt": 0.06, "broken": 0.04}


def test_a_part_without_a_picture_is_kept_so_that_the_sample_stays_complete(tmp_path: Path) -> None:
    device = Device(tmp_path, share=1.0)
    assert device.see(1, picture=False) is not None
    assert device.kept() == [(1, ("random",))]


def test_what_is_known_of_the_model_is_written_with_the_first_sample(tmp_path: Path) -> None:
    Device(tmp_path, share=1.0).see(0)
    assert read_models(tmp_path) == {"cookie/3": ModelFacts(LABELS, 3, 100)}


def test_scores_are_those_of_the_model_that_decided(tmp_path: Path) -> None:
    cascade = Identity("line-1", "", "", "b", "a-then-b", 1, ("part", "belt", "whole", "burnt"))
    device = Device(tmp_path, models=(("part", "belt"),), identity=cascade, share=1.0)
    message = device.see(0, (0.75, 0.25))
    assert message is not None
    assert message.scores == {"part": 0.75, "belt": 0.25}


def test_of_very_many_labels_the_best_are_kept(tmp_path: Path) -> None:
    labels = tuple(f"label-{number}" for number in range(1000))
    device = Device(tmp_path, models=(labels,), identity=Identity("d", "", "", "b", "m", 1, labels), share=1.0)
    message = device.see(0, tuple(np.linspace(0, 1, 1000).tolist()))
    assert message is not None
    assert list(message.scores) == [f"label-{999 - number}" for number in range(SCORES_MOST)]


@pytest.mark.parametrize(("scores", "expected"), [((0.5, 0.2, 0.3), 0.2), ((0.9,), 0.8), ((0.3,), 0.4)])
def test_the_margin_is_that_of_the_two_best(scores: tuple[float, ...], expected: float) -> None:
    raw = np.array(scores, np.float32)
    assert margin(Decision("x", 0, 0.5, False, raw, OutputSpec(len(raw), "float32"))) == pytest.approx(expected)
