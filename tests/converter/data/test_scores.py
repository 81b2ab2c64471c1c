from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from converter.data.scores import activation_of, classes_of, probabilities

eighths = st.integers(-64, 64).map(lambda value: value / 8)
logits = arrays(np.float32, st.tuples(st.integers(2, 9), st.integers(2, 5)), elements=eighths)


@given(logits)
def test_probabilities_of_logits_are_softmax_and_keep_the_class(outputs: np.ndarray):
    outputs[0, 0] = 9.0
    assert activation_of(outputs) == "logits"
    found = probabilities(outputs)
    assert found.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert activation_of(found) == "softmax"
    assert (found.argmax(axis=1) == outputs.argmax(axis=1)).all()


def test_values_from_zero_to_one_that_do_not_sum_to_one_are_sigmoid():
    assert activation_of(np.array([[0.9, 0.8], [0.1, 0.3]], np.float32)) == "sigmoid"


def test_a_single_output_is_the_score_of_the_second_class():
    assert classes_of(np.array([[0.2], [0.7]], np.float32)).tolist() == [0, 1]
    assert classes_of(np.array([[-3.0], [0.1]], np.float32)).tolist() == [0, 1]
