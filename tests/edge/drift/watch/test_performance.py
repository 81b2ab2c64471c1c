from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drift import ConceptWatch, Pane, Performance, Share
from edge.drift.watch.performance import sliding
from edge.errors import ConfigError

LABELS = ("bad", "good")


def test_accuracy_precision_and_recall_are_counted_from_the_random_audits() -> None:
    audits = Counter({("random", 0, 0): 8, ("random", 1, 0): 2, ("random", 0, 1): 4, ("random", 1, 1): 86})
    audits["uncertain", 0, 1] = 50

    found = Performance.of(audits, LABELS)

    assert (found.accuracy.hits, found.accuracy.n) == (94, 100)
    assert found.recall(0).value == 0.8
    assert found.precision(0).value == 8 / 12
    assert found.confusion == ((8, 2), (4, 86))
    low, high = found.accuracy.interval
    assert low < 0.94 < high
    assert Performance.of(audits, LABELS, "uncertain").accuracy.value == 0.0
    assert found.to_dict()["labels"]["bad"]["recall"]["n"] == 10


def test_of_nothing_nothing_is_known() -> None:
    share = Performance.of({}, LABELS).accuracy
    assert (share.value, share.interval) == (None, (0.0, 1.0))


@given(st.integers(0, 200), st.integers(1, 200))
def test_the_interval_holds_the_share(hits: int, n: int) -> None:
    hits = min(hits, n)
    low, high = Share(hits, n).interval
    assert 0 <= low <= hits / n + 1e-12
    assert hits / n - 1e-12 <= high <= 1


def test_a_sliding_window_forgets(draw) -> None:
    reference = draw(50, seed=1).reference()
    panes = []
    for right in (True, True, False, False):
        pane = Pane(reference)
        for _ in range(10):
            pane.add_audit("random", 0, 0 if right else 1)
        panes.append(pane)

    assert [one.accuracy.value for one in sliding(panes, 2)] == [1.0, 1.0, 0.5, 0.0]


def audits(rate: float, n: int, runs: int, seed: int) -> list[list[bool]]:
    return (np.random.default_rng(seed).random((runs, n)) < rate).tolist()


def test_an_unchanged_error_rate_alarms_no_more_often_than_stated() -> None:
    length, runs, n = 200, 60, 1000
    limit = ConceptWatch(5, 200, length).limit

    alarms = 0
    for sequence in audits(limit, n, runs, seed=0):
        watch = ConceptWatch(5, 200, length)
        alarms += sum(watch.add(error) for error in sequence)

    expected = runs * n / length
    assert 0 < alarms <= expected + 3 * np.sqrt(expected)


@pytest.mark.parametrize(("rate", "within"), [(0.15, 150), (0.3, 40), (0.9, 12)])
def test_a_risen_error_rate_is_found(rate: float, within: int) -> None:
    delays = []
    for sequence in audits(rate, 1000, 30, seed=1):
        watch = ConceptWatch(5, 200, 1000)
        delays.append(next(number for number, error in enumerate(sequence, 1) if watch.add(error)))

    assert np.median(delays) <= within


@pytest.mark.parametrize(("errors", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_an_evaluation_that_cannot_be_is_refused(errors: int, n: int) -> None:
    with pytest.raises(ConfigError, match="concept drift"):
        ConceptWatch(errors, n, 100)
