from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from converter.measurement.parity import UNCERTAIN, Parity, compare
from edge.drift.univariate.intervals import wilson

LABELS = ("cat", "dog", "owl")
TRUTH = np.array([0, 0, 1, 1], np.int64)
PATHS = tuple(Path(f"{number}.png") for number in range(4))
FLOAT = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0]], np.float32)
INT8 = np.array([[0.8, 0.2, 0.0], [0.4, 0.6, 0.0], [0.2, 0.8, 0.0], [0.3, 0.7, 0.0]], np.float32)


@pytest.fixture
def parity() -> Parity:
    return compare(LABELS, PATHS, TRUTH, {"Keras": FLOAT, "float": FLOAT, "int8": INT8})


def test_confusion_precision_and_recall_are_counted_by_label(parity: Parity):
    keras, _, int8 = parity.models
    assert keras.accuracy == 1.0
    assert int8.accuracy == 0.75
    assert int8.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 0))
    cat, dog, owl = int8.classes
    assert (cat.support, cat.precision, cat.recall) == (2, 1.0, 0.5)
    assert (dog.support, dog.precision, dog.recall) == (2, pytest.approx(2 / 3), 1.0)
    assert (owl.support, owl.precision, owl.recall) == (0, None, None)


def test_who_agrees_with_whom(parity: Parity):
    shares = {(one.first, one.second): one.agreement for one in parity.agreements}
    assert shares == {("Keras", "float"): 1.0, ("Keras", "int8"): 0.75, ("float", "int8"): 0.75}
    assert parity.agreements[1].largest_difference == pytest.approx(0.2)
    assert parity.agreements[0].mean_difference == 0.0


def test_pictures_judged_differently_come_first_then_the_largest_gaps(parity: Parity):
    assert parity.judged_differently == 1
    assert [one.path for one in parity.disagreements] == ["1.png", "3.png", "0.png", "2.png"]
    first = parity.disagreements[0]
    assert (first.label, first.by_float, first.by_quantized) == ("cat", "cat", "dog")
    assert (first.differs, parity.disagreements[1].differs) == (True, False)


def test_the_least_sure_are_those_whose_two_best_scores_are_near(parity: Parity):
    assert [one.path for one in parity.uncertain] == ["1.png", "3.png", "0.png", "2.png"]


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.integers(0, n - 1), min_size=1, max_size=40)))
def test_a_confusion_matrix_counts_every_picture_once(truth: list[int]):
    classes = np.array(truth, np.int64)
    count = max(2, int(classes.max()) + 1)
    scores: NDArray[np.float32] = np.random.default_rng(0).random((len(truth), count)).astype(np.float32)
    paths = tuple(Path(str(number)) for number in range(len(truth)))
    parity = compare(tuple(map(str, range(count))), paths, classes, {"a": scores, "b": scores})
    model = parity.models[0]
    assert [sum(row) for row in model.confusion] == np.bincount(classes, minlength=count).tolist()
    assert sum(model.confusion[i][i] for i in range(count)) == round(model.accuracy * len(truth))
    assert len(parity.uncertain) == min(UNCERTAIN, len(truth))
    assert parity.judged_differently == 0


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_wilson_interval_is_the_published_one(case: tuple[int, int]):
    hits, n = case
    expected = binomtest(hits, n).proportion_ci(0.95, "wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
