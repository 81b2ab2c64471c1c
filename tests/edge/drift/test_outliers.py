from __future__ import annotations

import numpy as np
import pytest

from edge.drift import FEATURES, Pane
from edge.drift.outliers import SHARE, Outliers


def test_about_one_in_a_hundred_good_samples_is_beyond_each_limit(draw) -> None:
    reference, now = draw(3000, seed=1).reference(), draw(3000, seed=2)

    marks = now.pane(reference).marks

    assert marks["outlying"] == pytest.approx(SHARE * 3000, abs=20)
    assert marks["uncertain"] == pytest.approx(SHARE * 3000, abs=20)


def test_a_combination_that_never_occurs_is_an_outlier_although_each_value_is_usual() -> None:
    rng = np.random.default_rng(0)
    light = rng.normal(0, 1, 2000)
    features = np.stack([light, light + rng.normal(0, 0.05, 2000)], axis=1)
    outliers = Outliers.fit(features, np.ones((2000, 1)))

    assert outliers.far(np.array([[1.0, 1.0], [1.0, -1.0], [np.nan, 0.0]])).tolist() == [False, True, False]


def test_an_unsure_decision_is_counted(draw) -> None:
    reference = draw(1000, seed=1).reference()
    pane = Pane(reference)
    for seq in range(4):
        pane.add(np.full(len(FEATURES), 100.0), np.full(5, 0.01 if seq else 0.9), 0, seq)

    assert pane.marks["uncertain"] == 3


@pytest.mark.parametrize("features", [np.ones((5, 2)), np.full((5, 2), np.nan), np.ones((1, 2)), np.ones((3, 0))])
def test_references_that_show_no_spread_still_have_limits(features) -> None:
    outliers = Outliers.fit(features, np.ones((len(features), 2)))

    outliers.check(features.shape[1])
    assert not outliers.far(np.ones((1, features.shape[1]))).any() or np.isnan(features).all()
