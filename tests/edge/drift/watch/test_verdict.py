from __future__ import annotations

import json
import math

import numpy as np
import pytest

from edge.drift import FEATURES, Pane, Reference, judge

ALPHA = 0.05


def test_undisturbed_windows_alarm_no_more_often_than_stated(draw) -> None:
    windows, per_reference, alarms = 400, 10, 0
    for window in range(windows):
        if window % per_reference == 0:
            reference = draw(1000, seed=10_000 + window).reference()
        alarms += judge(draw(200, seed=window).pane(reference)).drifted

    assert alarms / windows <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / windows)


@pytest.mark.parametrize("name", ["brightness", "sharpness", "red"])
def test_a_moved_feature_is_found_first_with_its_direction(draw, name: str) -> None:
    reference, now = draw(1000, seed=1).reference(), draw(200, seed=2)
    now.features[:, list(FEATURES).index(name)] -= 8.0

    verdict = judge(now.pane(reference))

    first = verdict.columns[0]
    assert verdict.drifted
    assert verdict.share == 1 / 14
    assert (first.name, first.test, first.drifted) == (name, "ks", True)
    assert first.shift is not None
    assert first.shift < -0.3
    assert first.threshold == ALPHA / 14
    assert [column.p_value for column in verdict.columns[1:]] == sorted(
        column.p_value for column in verdict.columns[1:]
    )


def test_a_moved_score_is_found(draw) -> None:
    reference, now = draw(1000, seed=1).reference(), draw(200, seed=2)
    now.scores[:, 2] = now.scores[:, 2] ** 0.5

    assert judge(now.pane(reference)).columns[0].name == "score:burnt"


def test_changed_class_shares_are_found(draw) -> None:
    reference, now = draw(1000, seed=1).reference(), draw(200, seed=2)
    now.predicted[:40] = 2

    first = judge(now.pane(reference)).columns[0]

    assert (first.name, first.test, first.drifted, first.shift) == ("predicted", "chi2", True, None)


def test_two_classes_are_compared_as_proportions() -> None:
    reference = Reference.fit(
        np.arange(100.0)[:, None], np.full((100, 2), 0.5), [0] * 10 + [1] * 90, ("bad", "good"), ("light",)
    )
    pane = Pane(reference)
    for seq in range(100):
        pane.add([float(seq)], [0.5, 0.5], int(seq >= 50), seq)

    first = judge(pane).columns[0]

    assert (first.name, first.test, first.drifted) == ("predicted", "z", True)
    assert first.statistic < -5


def test_a_difference_too_small_to_matter_does_not_alarm_however_certain_it_is(draw) -> None:
    reference, now = draw(1000, seed=1).reference(), draw(4000, seed=2)
    now.features[:, 0] += 1.5
    pane = now.pane(reference)

    gated, plain = judge(pane), judge(pane, min_effect=0.0)

    brightness = next(column for column in gated.columns if column.name == "brightness")
    assert brightness.p_value < brightness.threshold
    assert not brightness.drifted
    assert plain.drifted
    assert plain.columns[0].name == "brightness"


def test_evidently_calls_a_data_set_drifted_when_half_of_its_columns_are(draw) -> None:
    reference, now = draw(1000, seed=1).reference(), draw(200, seed=2)
    now.features += 8.0

    verdict = judge(now.pane(reference))

    assert verdict.evidently_share >= 8 / 14
    assert verdict.evidently_drifted


def test_when_everything_moves_completely_the_plain_feature_comes_first(draw) -> None:
    reference, now = draw(1000, seed=1).reference(), draw(200, seed=2)
    now.features -= 1000.0

    verdict = judge(now.pane(reference))

    assert [column.name for column in verdict.columns[:8]] == list(FEATURES)
    assert all(column.shift == -1.0 for column in verdict.columns[:8])
    assert verdict.expectations["below"] >= 1600


def test_a_window_without_pictures_is_not_drift_but_says_what_is_missing(draw) -> None:
    pane = Pane(draw(1000, seed=1).reference())
    for seq in range(50):
        pane.add(None, None, None, seq)

    verdict = judge(pane)

    assert not verdict.drifted
    assert verdict.n == 50
    assert verdict.expectations["missing"] == 50 * 13


def test_without_exact_p_values_little_changes_but_the_time(draw) -> None:
    pane = draw(200, seed=2).pane(draw(1000, seed=1).reference())
    slow, quick = ({c.name: c for c in judge(pane, exact=exact).columns} for exact in (True, False))
    for name, column in slow.items():
        assert quick[name].statistic == column.statistic
        assert quick[name].p_value == pytest.approx(column.p_value, rel=0.15, abs=1e-6)
        assert quick[name].drifted == column.drifted


def test_a_verdict_is_plain_json(draw) -> None:
    verdict = judge(draw(200, seed=2).pane(draw(1000, seed=1).reference()))

    fields = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))

    assert fields == verdict.to_dict()
    assert {"drifted", "share", "evidently_share", "n", "expectations"} <= set(fields)
    assert len(fields["columns"]) == 14


def test_merged_panes_get_the_verdict_of_the_pooled_window(draw) -> None:
    reference, now = draw(1000, seed=1).reference(), draw(300, seed=2)

    parts = [now.pane(reference, start, start + 100) for start in (200, 0, 100)]

    assert judge(parts[0].merge(parts[1]).merge(parts[2])) == judge(now.pane(reference))


@pytest.mark.parametrize(("dimmed", "kind", "first"), [(0.0, "target", "predicted"), (30.0, "data", "brightness")])
def test_features_that_follow_from_the_shares_of_the_classes_come_after_them(
    draw, dimmed: float, kind: str, first: str
) -> None:
    """Burnt parts are darker, in the reference as now: more of them is a change of the classes, not of the light."""
    before, now = draw(1000, seed=1), draw(400, seed=2)
    now.predicted[:200] = 2
    for samples in (before, now):
        samples.features[samples.predicted == 2, 0] -= 100.0
    now.features[:, 0] -= dimmed

    verdict = judge(now.pane(before.reference()))

    assert (verdict.kind, verdict.columns[0].name) == (kind, first)
    assert {column.name for column in verdict.columns if column.drifted} == {"predicted", "brightness"}
    brightness, predicted = (next(c for c in verdict.columns if c.name == n) for n in ("brightness", "predicted"))
    assert brightness.effect > predicted.effect
