"""Disturbances of the simulated line, from pictures to verdicts, with the right labels in place of a model's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from edge.drift import FEATURES, ConceptWatch, DriftWatch, Reference, WindowResult, measure
from edge.sim import LABELS, SimulatedLine

KINDS = "kinds=cracked,broken,missing_topping"
OPTIONS = f"width=80&height=60&{KINDS}"
WINDOW = 200


@cache
def reference() -> Reference:
    line = SimulatedLine.from_uri(f"sim://line?seed=1&{OPTIONS}")
    features = np.array([measure(line.image(part)) for part in range(600)])
    predicted = [LABELS.index(line.truth(part)) for part in range(600)]
    return Reference.fit(features, scores(predicted), predicted, LABELS, tuple(FEATURES))


def scores(predicted: list[int]) -> np.ndarray:
    """A sure model's: 0.9 for what it says."""
    table = np.full((len(predicted), len(LABELS)), 0.1 / (len(LABELS) - 1))
    table[np.arange(len(predicted)), predicted] = 0.9
    return table


def window(options: str) -> WindowResult:
    """The window a thousand parts later, of the same line: another seed would be another belt."""
    line, watch = SimulatedLine.from_uri(f"sim://line?seed=1&{options}"), DriftWatch(reference(), WINDOW)
    for part in range(1000, 1000 + WINDOW):
        label = LABELS.index(line.truth(part))
        result = watch.add(line.image(part), scores([label])[0], label, part, part)
    assert result is not None
    return result


def test_an_undisturbed_line_has_not_drifted() -> None:
    verdict = window(OPTIONS).verdict
    assert (verdict.drifted, verdict.kind) == (False, None)


@pytest.mark.parametrize(
    ("options", "first"),
    [("light=0.85", "brightness"), ("blur=1.2", "sharpness"), ("noise=6", "noise"), ("cast=1,1,0.9", "red")],
)
def test_a_disturbed_camera_is_data_drift_with_the_right_feature_first(options: str, first: str) -> None:
    verdict = window(f"{OPTIONS}&{options}").verdict
    assert (verdict.kind, verdict.columns[0].name) == ("data", first)
    drifted = {column.name for column in verdict.columns if column.drifted}
    assert "predicted" not in drifted
    assert not any(name.startswith("score:") for name in drifted)


def test_more_defects_are_target_drift() -> None:
    verdict = window(f"{OPTIONS}&defects=0.5").verdict
    drifted = {column.name for column in verdict.columns if column.drifted}
    assert "predicted" in drifted
    assert verdict.kind == "target"


def test_a_new_kind_of_defect_is_target_drift_of_its_class() -> None:
    result = window(f"width=80&height=60&{KINDS},burnt&defects=0.3")
    drifted = {column.name for column in result.verdict.columns if column.drifted}
    assert "predicted" in drifted
    assert (result.verdict.kind, result.verdict.columns[0].name) == ("target", "predicted")


def test_a_model_that_errs_more_often_is_concept_drift_while_the_pictures_stay() -> None:
    rng = np.random.default_rng(0)
    watch = ConceptWatch(errors=4, n=200, run_length=1000)
    quiet = [watch.add(bool(rng.random() < 0.02)) for _ in range(300)]
    changed = [watch.add(bool(rng.random() < 0.25)) for _ in range(60)]
    assert not any(quiet)
    assert any(changed)
