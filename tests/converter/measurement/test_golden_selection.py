"""Golden samples are those that tell a wrong way of feeding from another processor's rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from converter.measurement.golden_selection import MIN_TOLERANCE, SHAKES, probes, steadiest

WRONG = 3
SURE = np.full(4, 0.9)


def probed(values: NDArray[np.uint8], shaken: list[int], fed_wrongly: list[int]) -> NDArray[np.uint8]:
    """As if shaking and feeding wrongly moved each candidate's first output by so much."""
    ways = np.repeat(values[None], SHAKES + WRONG, axis=0).astype(np.int64)
    ways[0, :, 0] += shaken
    ways[SHAKES:, :, 0] += fed_wrongly
    return ways.reshape(-1, values.shape[1]).astype(np.uint8)


def outputs(*firsts: int) -> NDArray[np.uint8]:
    return np.array([[first, 255 - first] for first in firsts], np.uint8)


def test_those_that_all_runtimes_judge_alike_the_surely_judged_first() -> None:
    first, second = outputs(200, 130, 10, 250), outputs(197, 126, 10, 250)
    chosen, tolerance = steadiest([first, second], probed(first, [0] * 4, [0] * 4), np.array([0.8, 0.5, 0.6, 0.9]))
    assert chosen.tolist() == [0, 3, 2], "the surely judged ones first"
    assert tolerance == 2 * 3


def test_those_are_taken_that_tell_a_wrong_feeding_from_rounding() -> None:
    values = outputs(200, 200, 200, 200)
    chosen, tolerance = steadiest([values], probed(values, [40, 2, 0, 3], [-190, -30, -20, -150]), SURE, count=1)
    assert (chosen.tolist(), tolerance) == ([3], 6)


def test_what_one_does_not_tell_another_does() -> None:
    """As with two classes: what looks like one of them when it is dark cannot tell that it is too dark."""
    values = outputs(200, 200, 200, 200)
    ways = probed(values, [0] * 4, [0] * 4).reshape(SHAKES + WRONG, 4, 2)
    ways[SHAKES, [0, 1], 0] = 10
    ways[SHAKES + 1 :, 3, 0] = 10
    chosen, tolerance = steadiest([values], ways.reshape(-1, 2), SURE, count=2)
    assert (chosen.tolist(), tolerance) == ([0, 3], MIN_TOLERANCE)


def test_where_nothing_tells_the_least_bad_ones_are_taken_and_the_tolerance_says_so() -> None:
    values = outputs(200, 200)
    chosen, tolerance = steadiest([values], probed(values, [30, 20], [-50, -50]), SURE[:2], count=1)
    assert (chosen.tolist(), tolerance) == ([1], 40)


def test_no_candidate_is_no_sample() -> None:
    chosen, tolerance = steadiest([outputs(200), outputs(20)], probed(outputs(200), [0], [0]), SURE[:1])
    assert (chosen.tolist(), tolerance) == ([], MIN_TOLERANCE)


@given(seed=st.integers(0, 999), channels=st.sampled_from([1, 3]))
def test_probes_are_shaken_by_a_step_at_most_and_then_fed_wrongly(seed: int, channels: int) -> None:
    tensors = np.random.default_rng(seed).integers(0, 256, (2, 3, 4, channels), np.uint8)
    ways = probes(tensors).reshape(-1, *tensors.shape).astype(int)
    assert len(ways) == SHAKES + (3 if channels == 3 else 2)
    assert np.abs(ways[:SHAKES] - tensors).max() == 1
    assert (ways[-2] == tensors // 2).all()
    assert set(np.unique(ways[-1])) <= {0, 1}
    assert (probes(tensors).reshape(ways.shape) == ways).all()


@pytest.mark.parametrize("scale", [1, 256])
def test_a_step_of_a_float_is_one_in_256(scale: int) -> None:
    values = outputs(200).astype(np.float32) / scale
    shaken = probed(outputs(200), [5], [0]).astype(np.float32) / scale
    assert steadiest([values], shaken, SURE[:1])[1] == 2 * 5 * 256 // scale
