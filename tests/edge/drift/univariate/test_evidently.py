"""Against what Evidently and alibi-detect said, see tests/support/drift_packages.py."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from edge.drift.univariate.evidently import evidently_column, evidently_share
from edge.drift.univariate.samples import ks_2samp
from edge.drift.univariate.statistics import chi_squared
from edge.errors import ConfigError
from tests.support.drift_packages import RECORDED, alibi_cases, evidently_cases

THEIRS = json.loads(RECORDED.read_text("utf-8"))


def test_values_and_verdicts_are_evidentlys() -> None:
    given = list(evidently_cases())

    assert len(THEIRS["evidently"]) == len(given) > 90
    assert {test for test, _, _ in THEIRS["evidently"]} == {"ks", "chisquare", "z", "wasserstein", "jensenshannon"}
    for case, (test, value, drifted) in zip(given, THEIRS["evidently"], strict=True):
        ours = evidently_column(case["reference"], case["current"])
        assert (ours.test, ours.drifted) == (test, drifted), case
        # Near 0 the Jensen-Shannon root makes 1e-8 of a rounding error of 1e-16, there as here.
        slack = 1e-7 if test == "jensenshannon" else 1e-12
        assert math.isclose(ours.value, value, rel_tol=1e-12, abs_tol=slack), case


def test_kolmogorov_smirnov_and_chi_squared_are_alibi_detects() -> None:
    for case, (p_value, statistic) in zip(alibi_cases(), THEIRS["alibi"], strict=True):
        if case["numeric"]:
            ours = ks_2samp(case["reference"], case["current"], "asymp")
        else:
            counted = [np.bincount(case[side], minlength=5).tolist() for side in ("reference", "current")]
            ours = chi_squared(*counted)
        assert ours.p_value == pytest.approx(p_value, abs=1e-6)
        assert ours.statistic == pytest.approx(statistic, rel=1e-6)


def test_the_data_set_drifts_by_the_share_of_its_columns() -> None:
    quiet, moved = (evidently_column(np.arange(100.0), np.arange(100.0) + shift) for shift in (0, 90))
    assert (quiet.drifted, moved.drifted) == (False, True)
    assert evidently_share({"a": quiet, "b": moved}) == 0.5
    assert evidently_share({}) == 0.0


def test_a_column_without_values_is_refused() -> None:
    with pytest.raises(ConfigError, match="column with values"):
        evidently_column([1.0, 2.0], [math.nan])
