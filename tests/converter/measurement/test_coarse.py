from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from converter.measurement.coarse import MOST, coarse, distance


@pytest.mark.parametrize("tail", [0.0, 1e4])
def test_rounding_keeps_the_distribution_where_it_was(tail: float):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(100, 1, 700), rng.normal(140, 20, 299), [140 + tail]])
    rounded = coarse(values[:, None])[:, 0]
    assert 0 < np.abs(rounded - values).max() < 1
    assert ks_2samp(rounded, values).statistic <= MOST + 1e-12
    assert len(np.unique(rounded)) < 999


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_the_distance_is_that_of_kolmogorov_and_smirnov(values: list[float]):
    one, other = np.array(values), np.array(values[1:])
    assert distance(one, other) == pytest.approx(ks_2samp(one, other, method="asymp").statistic, abs=1e-12)


@pytest.mark.parametrize("values", [[5.0, 5.0], [float("nan"), 1.0], [1.0, float("inf")]])
def test_what_has_no_width_stays_as_it_is(values: list[float]):
    np.testing.assert_array_equal(coarse(np.array(values)[:, None])[:, 0], values)
