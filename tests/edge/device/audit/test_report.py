"""What the labels say of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.device.audit.answers import Label, add_answers
from edge.device.audit.models import ModelFacts, remember_model
from edge.device.audit.report import AuditedModel, evenly_drawn, report
from edge.device.audit.sample import AuditedPart
from edge.device.audit.text import lines
from edge.drift.univariate.intervals import wilson
from edge.inference.artifact.manifest import Accuracy, Evaluation, InputSpec, Manifest, OutputSpec

LABELS = ("whole", "burnt")


@pytest.fixture
def reported(tmp_path: Path) -> Callable[..., AuditedModel]:
    """``reported(answers, errors, n)``: on one model that erred in ``errors`` of ``n`` evaluated samples."""

    def make(answers: Sequence[Label], errors: int = 2, n: int = 100) -> AuditedModel:
        remember_model(tmp_path, "cookie/1", ModelFacts(LABELS, errors, n))
        add_answers(tmp_path, answers)
        (one,) = report(tmp_path)
        return one

    return make


def test_only_random_samples_speak_of_the_line(
    reported: Callable[..., AuditedModel], sample: Callable[..., AuditedPart]
) -> None:
    said = [("whole", "whole")] * 90 + [("whole", "burnt")] * 6 + [("burnt", "burnt")] * 4
    answers = [Label(sample(i, label=predicted), true) for i, (predicted, true) in enumerate(said)]
    answers += [Label(sample(100 + i, "uncertain"), "burnt") for i in range(50)]
    answers += [Label(sample(200 + i), None) for i in range(7)]
    found = reported(answers)
    performance = found.performance
    assert (performance.accuracy.hits, performance.accuracy.n) == (94, 100)
    assert performance.accuracy.interval == wilson(94, 100)
    assert (performance.recall(1).hits, performance.recall(1).n) == (4, 10)
    assert (performance.precision(0).hits, performance.precision(0).n) == (90, 96)
    assert (found.strata["random"].samples, found.strata["random"].right.n) == (107, 100)
    assert (found.strata["uncertain"].right.hits, found.strata["uncertain"].right.n) == (0, 50)
    text = "\n".join(lines(found))
    assert "random     100 of 107 labelled, accuracy 0.940 (0.875 to 0.972, 100)" in text
    assert "uncertain  50 of 50 labelled, right: 0.000" in text


def test_a_share_that_was_changed_gives_no_day_more_weight(sample: Callable[..., AuditedPart]) -> None:
    """Half the line had errors in 1 of 50 parts at a share of 0.5, half in 1 of 5 at a share of 0.05."""
    rng = np.random.default_rng(0)
    parts = 100_000
    draws, wrong = rng.random(2 * parts), rng.random(2 * parts)
    answers = []
    for part in range(2 * parts):
        share, rate = (0.5, 0.02) if part < parts else (0.05, 0.2)
        if draws[part] < share:
            true = "burnt" if wrong[part] < rate else "whole"
            answers.append(Label(sample(part, draw=float(draws[part]), share=share), true))
    naive = np.mean([not answer.right for answer in answers])
    fair = [not answer.right for answer in evenly_drawn(answers)]
    low, high = wilson(sum(fair), len(fair))
    assert naive < 0.05
    assert low < 0.11 < high
    assert abs(len(fair) - 10_000) < 400


def test_what_is_left_out_is_said(reported: Callable[..., AuditedModel], sample: Callable[..., AuditedPart]) -> None:
    answers = [Label(sample(i, draw=i / 100, share=0.1), "whole") for i in range(10)]
    answers += [Label(sample(10 + i, draw=i / 1000, share=0.05), "whole") for i in range(10)]
    found = reported(answers)
    assert found.left_out == 5
    assert found.performance.accuracy.n == 15
    assert any("5 of them not counted" in line for line in lines(found))


def test_more_errors_than_the_evaluation_makes_credible_are_an_alarm(
    reported: Callable[..., AuditedModel], sample: Callable[..., AuditedPart]
) -> None:
    rng = np.random.default_rng(1)
    good = [Label(sample(i), "whole" if rng.random() > 0.02 else "burnt") for i in range(300)]
    bad = [Label(sample(300 + i), "whole" if rng.random() > 0.4 else "burnt") for i in range(60)]
    before = reported(good)
    assert before.concept is not None
    assert before.concept.alarms_ns == ()
    assert any("no more frequent" in line for line in lines(before))
    after = reported(bad)
    assert after.alarmed
    assert after.concept is not None
    assert after.concept.alarms_ns[0] >= 10**18 + 300
    assert any("more frequent since 2001-09-09 01:46 UTC or before" in line for line in lines(after))


def test_a_model_that_nobody_evaluated_is_compared_with_nothing(
    reported: Callable[..., AuditedModel], sample: Callable[..., AuditedPart]
) -> None:
    found = reported([Label(sample(0), "burnt")], errors=0, n=0)
    assert found.concept is None
    assert not found.alarmed
    assert any("not compared" in line for line in lines(found))


def test_models_and_versions_stand_apart_and_new_labels_have_their_place(
    tmp_path: Path, sample: Callable[..., AuditedPart]
) -> None:
    add_answers(tmp_path, [Label(sample(5, model_version=1), "melted"), Label(sample(1, model_version=2), "whole")])
    found = report(tmp_path)
    assert [(one.model, one.version) for one in found] == [("cookie", 2), ("cookie", 1)]
    assert found[1].performance.labels == ("melted", "whole")
    assert found[1].performance.confusion == ((0, 1), (0, 0))


def test_what_the_converter_measured_is_what_errors_are_held_against() -> None:
    spec, output = InputSpec(8, 8, 3, "uint8"), OutputSpec(2, "uint8")
    base = {"model": "m", "version": 1, "created": "", "input": spec, "output": output, "flatbuffer_sha256": ""}
    evaluated = Manifest(**base, evaluation=Evaluation(200, 0.99, 0.97, 0.98))  # type: ignore[arg-type]
    wrapped = Manifest(**base, accuracy=Accuracy(50, 0.9))  # type: ignore[arg-type]
    assert ModelFacts.of(LABELS, evaluated) == ModelFacts(LABELS, 6, 200)
    assert ModelFacts.of(LABELS, wrapped) == ModelFacts(LABELS, 5, 50)
    assert ModelFacts.of(LABELS, None) == ModelFacts(LABELS)
