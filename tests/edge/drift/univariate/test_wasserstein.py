from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from edge.drift import Reference
from edge.drift.pane import Pane
from edge.drift.univariate.grid import EDGES, SIZE, SLICES, places
from edge.drift.univariate.wasserstein import Bracket, wasserstein

few = st.sampled_from([-3.0, 0.0, 0.1, 0.1 + 1e-9, 1 / 3, 255.0])
sample = st.lists(few, min_size=1, max_size=50) | st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50)


def bracket(reference: list[float], values: list[float]) -> tuple[Bracket, float]:
    """Ours from counts, and scipy's from the raw data."""
    known = Reference.fit(
        [[x] for x in reference], np.ones((len(reference), 1)), [0] * len(reference), ("a",), ("x",)
    )
    pane = Pane(known)
    for seq, value in enumerate(values):
        pane.add([value], [1.0], 0, seq)
    stored = known.columns[0].values
    return pane.wasserstein(0), float(stats.wasserstein_distance(stored, np.float32(values).astype(float)))


@given(sample, sample)
def test_the_distance_of_the_raw_data_always_lies_in_the_bracket(reference: list[float], values: list[float]) -> None:
    found, truth = bracket(reference, values)
    assert found.low <= truth <= found.high


@given(sample, sample)
def test_the_distance_of_raw_samples_equals_scipys(first: list[float], second: list[float]) -> None:
    assert math.isclose(
        wasserstein(first, second), stats.wasserstein_distance(first, second), rel_tol=1e-12, abs_tol=1e-12
    )


def drawn(kind: str, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    draws = {"normal": rng.normal(0, 1, n), "uniform": rng.uniform(0, 1, n), "logistic": rng.logistic(0, 1, n)}
    return draws[kind]


@pytest.mark.parametrize("moved", [0.0, 0.05, 0.5, 3.0])
@pytest.mark.parametrize("kind", ["normal", "uniform", "logistic"])
def test_on_light_tails_the_bracket_is_narrower_than_a_two_hundredth_of_sigma(kind: str, moved: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        reference, values = drawn(kind, 1000, rng), drawn(kind, 1000, rng) + moved
        found, truth = bracket(reference.tolist(), values.tolist())
        assert found.low <= truth <= found.high
        assert found.high - found.low <= 0.005 * reference.std()


def test_heavy_tails_stay_in_the_bracket() -> None:
    rng = np.random.default_rng(6)
    found, truth = bracket(rng.standard_cauchy(500).tolist(), rng.standard_cauchy(700).tolist())
    assert found.low <= truth <= found.high < 1.2 * truth


def test_what_lies_beyond_the_last_edge_has_no_upper_bound() -> None:
    found, truth = bracket([0.0, 1e-30], [3e38])
    assert found.low <= truth
    assert found.high == math.inf


def test_an_empty_sample_is_no_distance() -> None:
    assert bracket([1.0, 2.0], [math.nan])[0] == (0.0, 0.0)
    assert math.isnan(wasserstein([], [1.0]))


@given(st.floats(-1e19, 1e19) | st.floats(-20, 20) | st.sampled_from(EDGES.tolist()))
def test_a_place_is_where_the_value_lies(steps: float) -> None:
    cell, part = (int(one[0]) for one in places(np.array([steps])))

    assert 0 <= cell < SIZE
    left, right = EDGES[cell], EDGES[cell + 1]
    assert left <= steps < right
    width = (right - left) / SLICES
    rounding = 1e-14 * max(1.0, abs(steps))
    assert left + part * width - rounding <= steps <= left + (part + 1) * width + rounding
