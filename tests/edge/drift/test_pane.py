from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drift import Pane, Reference
from edge.errors import ArtifactError

LABELS = ("bad", "good")
REFERENCE = Reference.fit(
    [[float(i % 40), float(i % 7)] for i in range(100)],
    [[(i % 11) / 10, 1 - (i % 11) / 10] for i in range(100)],
    [i % 2 for i in range(100)],
    LABELS,
    ("brightness", "contrast"),
)

number = st.floats(-10, 50) | st.sampled_from([0.0, 3.0, 39.0, float("nan"), float("inf")])
sample = st.tuples(
    st.none() | st.tuples(number, number),
    st.none() | st.tuples(number, number),
    st.none() | st.integers(0, 1),
    st.integers(0, 2**63),
)


def pane_of(samples, reference: Reference = REFERENCE) -> Pane:
    pane = Pane(reference)
    for one in samples:
        pane.add(*one)
    return pane


@given(st.lists(st.tuples(sample, st.integers(0, 4)), max_size=40), st.permutations(range(5)))
@settings(deadline=None)
def test_any_split_merged_in_any_order_is_the_pane_of_all_samples(assigned, order: list[int]) -> None:
    parts = [pane_of(one for one, part in assigned if part == number) for number in range(5)]

    first, *others = (parts[i] for i in order)
    merged = first
    for other in others:
        merged = merged.merge(other)
    pairs = parts[0].merge(parts[1]).merge(parts[2].merge(parts[3].merge(parts[4])))

    whole = pane_of(one for one, _ in assigned)
    assert merged == whole
    assert pairs == whole


@given(st.lists(sample, max_size=40))
@settings(deadline=None)
def test_a_pane_survives_the_way_through_json(samples) -> None:
    pane = pane_of(samples)

    assert Pane.from_dict(json.loads(json.dumps(pane.to_dict(), allow_nan=False)), REFERENCE) == pane


def test_merging_leaves_both_panes_as_they_were() -> None:
    first, second = (pane_of([((3.0, 3.0), (0.1, 0.9), 1, seq)]) for seq in (1, 2))
    before = first.to_dict(), second.to_dict()

    merged = first.merge(second)
    merged.add((3.0, 3.0), (0.1, 0.9), 1, 3)

    assert (first.to_dict(), second.to_dict()) == before
    assert (merged.n, merged.first_seq, merged.last_seq) == (3, 1, 3)


def test_what_is_missing_out_of_range_black_or_constant_is_counted() -> None:
    samples = [
        ((20.0, 3.0), (0.5, 0.5), 0, 10),
        ((5.0, 3.0), (0.5, 1.5), 1, 11),  # black; one score above the range
        ((-1.0, 0.0), (0.5, 0.5), 1, 12),  # black, constant, brightness below the range
        ((float("nan"), 99.0), (0.5, 1e300), 1, 13),  # contrast above the range; a score past float32
        (None, None, None, 14),
    ]

    pane = pane_of(samples)

    brightness, contrast, bad, good = pane.tallies
    assert (pane.n, pane.classes, pane.black, pane.constant) == (5, [1, 3], 2, 1)
    assert [tally.missing for tally in pane.tallies] == [2, 1, 1, 2]
    assert [tally.below for tally in pane.tallies] == [1, 0, 0, 0]
    assert [tally.above for tally in pane.tallies] == [0, 1, 0, 1]
    assert sum(brightness.cells.values()) == 3
    assert sum(contrast.cells.values()) == sum(bad.cells.values()) == 4
    assert sum(good.cells.values()) == 3


def test_samples_are_rounded_as_the_reference_was() -> None:
    reference = Reference.fit([[0.1]] * 50, [[0.3, 0.7]] * 50, [1] * 50, LABELS, ("light",))

    pane = pane_of([((0.1,), (0.3, 0.7), 1, seq) for seq in range(50)], reference)

    assert all(tally.cells == {50: 50} and not tally.below + tally.above for tally in pane.tallies)


@pytest.mark.parametrize(
    "bad",
    [
        ((1.0,), (0.5, 0.5), 0, 1),
        ((1.0, 2.0), (0.5,), 0, 1),
        ((1.0, 2.0), (0.5, 0.5), 2, 1),
        ((1.0, 2.0), (0.5, 0.5), -1, 1),
    ],
)
def test_a_sample_of_another_shape_is_refused_and_leaves_nothing(bad) -> None:
    pane = Pane(REFERENCE)

    with pytest.raises(ValueError, match="expected"):
        pane.add(*bad)

    assert pane == Pane(REFERENCE)


def test_panes_of_two_references_are_not_merged(draw) -> None:
    other = Pane(draw(100, seed=1).reference())

    with pytest.raises(ArtifactError, match="two drift references"):
        Pane(REFERENCE).merge(other)
    with pytest.raises(ArtifactError, match="counted against reference"):
        Pane.from_dict(other.to_dict(), REFERENCE)


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 3},
        {"n": "2"},
        {"n": -2},
        {"n": 2**60},
        {"classes": [1, 1, 1]},
        {"classes": [2, 2]},
        {"classes": [-1, 1]},
        {"black": 3},
        {"first_seq": None},
        {"columns": {}},
        {"cells": [0]},
        {"cells": [0, 0, 1, 2]},
        {"cells": [5, 1, 0, 1]},
        {"cells": [-1, 2]},
        {"cells": [201, 2]},
        {"cells": [1.5, 2]},
        {"missing": -1},
    ],
)
def test_statistics_that_do_not_add_up_are_refused(changes) -> None:
    data = pane_of([((3.0, 3.0), (0.1, 0.9), 1, seq) for seq in (1, 2)]).to_dict()
    target = data["columns"]["contrast"] if set(changes) <= {"cells", "missing"} else data
    target |= changes

    with pytest.raises(ArtifactError, match="drift statistics are not valid"):
        Pane.from_dict(data, REFERENCE)


def test_a_window_of_a_thousand_samples_and_twelve_columns_is_small(draw) -> None:
    pane = draw(1000, seed=2).pane(draw(1000, seed=1).reference())

    assert len(json.dumps(pane.to_dict(), separators=(",", ":"))) < 32_000
    assert np.sum([len(tally.cells) for tally in pane.tallies]) > 5000
