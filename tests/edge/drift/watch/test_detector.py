from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from edge.drift.univariate.intervals import wilson
from edge.drift.watch.detector import MIN_PANES, Detector, Moments, normal, rejected, upper_limit

RUNS, COLUMNS, SCORES = 150, 4, 3
WEIGHTS = (0.5, 0.25, 0.25)


def panes(count: int, memory: float, seed: int) -> NDArray[np.float64]:
    """(count, RUNS, COLUMNS, SCORES): autoregressive, deviation 1."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (count, RUNS, COLUMNS, SCORES))
    values = noise.copy()
    for t in range(1, count):
        values[t] = memory * values[t - 1] + math.sqrt(1 - memory**2) * noise[t]
    return values


def taught(values: NDArray[np.float64]) -> Detector:
    detector = Detector(values.shape[1:], WEIGHTS)
    for one in values:
        detector.learn(one)
    return detector


@pytest.mark.parametrize("learnt", [15, 60])
@pytest.mark.parametrize("memory", [0.0, 0.25])
def test_false_alarms_are_at_least_as_far_apart_as_stated(memory: float, learnt: int) -> None:
    values, length, watched = panes(learnt + 150, memory, seed=1), 50, 150
    detector, alarms = taught(values[:learnt]), 0
    for one in values[learnt:]:
        found = rejected(detector.step(one), length).any(axis=-1)
        alarms += int(found.sum())
        detector.restart(found)

    expected = RUNS * watched / length
    assert alarms <= expected + 3 * math.sqrt(expected)


def test_while_nothing_changes_the_mean_evidence_is_at_most_the_number_of_panes() -> None:
    values = panes(90, 0.0, seed=2)
    detector = taught(values[:40])
    for one in values[40:]:
        evidence = detector.step(one)

    # Markov, for 150 runs: the mean itself is carried by rare large values.
    assert (evidence.mean(axis=-1) >= 10 * 50).mean() <= 0.1 + 3 * math.sqrt(0.09 / RUNS)


@pytest.mark.parametrize(("moved", "within"), [(1.2, 40), (2.0, 12), (8.0, 3), (-2.0, 12)])
def test_a_lasting_change_is_found(moved: float, within: int) -> None:
    values = panes(160, 0.0, seed=3)
    values[100:, :, 2, 0] += moved
    detector = taught(values[:100])

    delays = np.full(RUNS, 999)
    for t, one in enumerate(values[100:], 1):
        alarm = rejected(detector.step(one), 200)
        delays = np.where((delays == 999) & alarm[:, 2], t, delays)

    assert np.median(delays) <= within


@pytest.mark.parametrize(("learnt", "rate"), [(40, 0.0), (40, 0.1), (200, 0.02)])
def test_a_binary_stream_alarms_no_more_often_than_stated_up_to_its_limit(learnt: int, rate: float) -> None:
    rng, length, watched = np.random.default_rng(0), 100, 200
    values = (rng.random((learnt + watched, RUNS, COLUMNS, 1)) < rate).astype(float)
    detector, alarms = Detector(values.shape[1:], (1.0,), binary=True), 0
    for one in values[:learnt]:
        detector.learn(one)
    for one in values[learnt:]:
        found = rejected(detector.step(one), length).any(axis=-1)
        alarms += int(found.sum())
        detector.restart(found)

    expected = RUNS * watched / length
    assert alarms <= expected + 3 * math.sqrt(expected)


def test_what_never_occurred_and_now_does_is_found_soon() -> None:
    detector = Detector((4, 1), (1.0,), binary=True)
    for _ in range(80):
        detector.learn(np.zeros((4, 1)))
    steps = [detector.step([[1.0], [0.0], [0.0], [0.0]]) for _ in range(8)]
    found = [rejected(one, 400.0) for one in steps]
    assert found[7].tolist() == [True, False, False, False]
    assert not found[1].any()


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_upper_limit_is_wilsons(case: tuple[int, int]) -> None:
    hits, n = (np.array([float(one)]) for one in case)
    assert upper_limit(hits, n)[0] == pytest.approx(min(wilson(*case)[1], 1 - 1e-9), abs=1e-9)


def test_a_pane_that_says_nothing_changes_nothing_but_the_count() -> None:
    values = panes(30, 0.0, seed=4)
    detector, blind = taught(values[:20]), np.full(values.shape[1:], np.nan)
    before = detector.moments.copy()

    detector.step(blind)

    assert np.array_equal(detector.moments.total, before.total)
    assert detector.evidence == pytest.approx(np.ones((RUNS, COLUMNS)))


def test_nothing_counts_before_enough_was_learnt() -> None:
    detector = Detector((1, 1), (1.0,))
    for t in range(MIN_PANES):
        detector.step([[float(t % 2)]])
    assert detector.evidence[0] == MIN_PANES
    for _ in range(3):
        detector.step([[50.0]])
    assert detector.evidence[0] > 100
    assert detector.run(0) == 3
    detector.restart()
    assert detector.evidence[0] == 0


@given(st.lists(st.floats(-1e3, 1e3), min_size=12, max_size=40))
def test_the_prediction_is_a_regression_on_the_pane_before(series: list[float]) -> None:
    moments = Moments.of((1,))
    for value in series:
        moments.add(np.array([value]))
    x = np.array(series)
    centred = x - x.mean()
    variance = (centred**2).mean()
    if variance < 1e-6:
        return
    expected, deviation, freedom = moments.predict(np.array([1e-12]))

    plain = (centred[1:] * centred[:-1]).sum() / len(x) / variance
    memory = min(max(plain + (1 + 3 * plain) / len(x), 0.0), 0.95)
    assert expected[0] == pytest.approx(x.mean() + memory * centred[-1], abs=1e-6 * (1 + abs(x).max()))
    left = variance * (1 + memory**2 - 2 * memory * plain)
    factor = len(x) / (len(x) - 2) * (1 + 1 / len(x))
    assert deviation[0] == pytest.approx(math.sqrt(max(left * factor, 0.0)), rel=1e-4, abs=1e-4)
    assert freedom[0] == len(x) - 2


@pytest.mark.parametrize("freedom", [8, 10, 30])
def test_wallaces_transform_is_the_normal_deviate_of_the_same_tail(freedom: int) -> None:
    t = np.array([-9.0, -2.0, 0.0, 1.0, 3.0, 6.0, 12.0])
    exact = np.sign(t) * stats.norm.isf(stats.t.sf(np.abs(t), freedom))
    assert normal(t, np.full(7, freedom)) == pytest.approx(exact, abs=0.05)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12), st.floats(1, 1e4))
def test_columns_alarm_only_where_the_mean_of_all_would(evidence: list[float], length: float) -> None:
    array = np.array(evidence)
    found = rejected(array, length)

    assert not found.any() or array.mean() >= length * (1 - 1e-12)
    assert not found.any() or array[found].min() >= array[~found].max(initial=0.0)
    assert found[array.argmax()] == found.any()
    assert found.any() or array.max() < len(array) * length
