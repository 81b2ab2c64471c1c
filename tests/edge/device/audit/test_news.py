"""Labels on their way into the statistics that leave the device."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge.device.audit.answers import NAME, Label, add_answers
from edge.device.audit.folder import read_samples
from edge.device.audit.news import AuditChanges, count
from edge.device.audit.sample import AuditedPart
from edge.device.buffer.reading import entries
from edge.device.config import load_config
from edge.device.line import run_line
from edge.drift import FEATURES, DriftWatch, Reference
from edge.inference.artifact.artifact import REFERENCE

pytestmark = pytest.mark.slow

Make = Callable[..., AuditedPart]


@pytest.fixture(scope="module")
def reference() -> bytes:
    """One of three classes, packed; what is counted here does not ask how parts look."""
    rng = np.random.default_rng(1)
    features, scores = rng.normal(100, 10, (50, len(FEATURES))), rng.random((50, 3))
    return Reference.fit(features, scores, [0, 1] * 25, ("red", "green", "blue"), tuple(FEATURES)).to_bytes()


def taken(news: AuditChanges) -> list[tuple[int, str | None]]:
    return [(answer.sample.seq, answer.true) for answer in news.take()]


def test_each_sample_is_told_once_by_its_first_label(tmp_path: Path, sample: Make) -> None:
    news = AuditChanges(tmp_path)
    assert taken(news) == []
    add_answers(tmp_path, [Label(sample(0), None), Label(sample(1), "burnt"), Label(sample(1), "whole")])
    assert taken(news) == [(1, "burnt")]
    add_answers(tmp_path, [Label(sample(0), "whole"), Label(sample(1), "whole"), Label(sample(2), "whole")])
    assert taken(news) == [(0, "whole"), (2, "whole")]
    assert taken(news) == []


def test_a_restart_counts_none_twice(tmp_path: Path, sample: Make) -> None:
    add_answers(tmp_path, [Label(sample(1), "burnt")])
    assert taken(AuditChanges(tmp_path)) == [(1, "burnt")]
    add_answers(tmp_path, [Label(sample(2), "burnt")])
    assert taken(AuditChanges(tmp_path)) == [(2, "burnt")]
    assert taken(AuditChanges(tmp_path)) == []


def test_a_line_that_is_being_written_comes_when_it_is_whole(tmp_path: Path, sample: Make) -> None:
    news = AuditChanges(tmp_path)
    add_answers(tmp_path, [Label(sample(1), "burnt"), Label(sample(2), "whole")])
    data = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(data[:-9])
    assert taken(news) == [(1, "burnt")]
    (tmp_path / NAME).write_bytes(data)
    assert taken(news) == [(2, "whole")]


def test_a_disk_that_refuses_takes_nothing(tmp_path: Path, sample: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    news = AuditChanges(tmp_path)
    add_answers(tmp_path, [Label(sample(1), "burnt")])

    def full(self: Path, text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            news.take()
    assert taken(news) == [(1, "burnt")]


def test_other_models_and_labels_are_not_counted(reference: bytes, sample: Make) -> None:
    watch = DriftWatch(Reference.from_bytes(reference))
    watches = {("top", "cookie", 1): (watch, ("red", "green", "blue"))}
    red = {"label": "red"}
    answers = [
        Label(sample(0, **red), "blue"),
        Label(sample(1, **red), "melted"),
        Label(sample(2, **red, model_version=2), "blue"),
        Label(sample(3, **red, camera="side"), "blue"),
    ]
    assert count(answers, watches) == 1


def test_labels_of_an_earlier_run_are_in_the_next_window(
    tmp_path: Path, write_config: Callable[..., Path], make_artifact: Callable[..., bytes], reference: bytes
) -> None:
    (tmp_path / "colour.tflite").write_bytes(make_artifact(files={REFERENCE: reference}))
    config = load_config(
        write_config(
            source="sim://line?count=60&pace=fast",
            extra="[drift]\nwindow = 60\n[audit]\nshare = 0.5\noutliers = true",
        )
    )
    run_line(config)
    folder = tmp_path / "state" / "audit"
    random = [one for one in read_samples(folder) if one.stratum == "random"]
    add_answers(folder, [Label(one, "green") for one in random])
    run_line(config)
    with closing(sqlite3.connect(tmp_path / "state" / "buffer.db")) as db:
        first, second = (json.loads(entry.payload)["pane"]["audits"] for entry in entries(db, "stats"))
    assert first == []
    assert sum(row[-1] for row in second) == len(random) > 15
    assert {(row[0], row[2]) for row in second} == {("random", 1)}
