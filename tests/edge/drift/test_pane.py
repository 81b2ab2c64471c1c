from __future__ import annotations

import base64
import functools
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drift import Pane, Reference, decode_pane, encode_pane
from edge.drift.encoding.counts import pack_counts
from edge.drift.encoding.wire import decode_sum
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
def test_a_pane_survives_the_way_through_json(samples) -> None:
    pane = pane_of(samples)

    assert decode_pane(json.loads(json.dumps(encode_pane(pane), allow_nan=False)), REFERENCE) == pane


@given(st.lists(st.tuples(sample, st.integers(0, 24)), min_size=1, max_size=60), st.integers(1, 25))
def test_the_sum_of_encoded_panes_is_that_of_merging_them(assigned, parts: int) -> None:
    panes = [pane_of(one for one, part in assigned if part % parts == number) for number in range(parts)]
    panes[0].add_audit("random", 1, 0)
    panes[-1].add_audit("random", 1, 0)
    merged = functools.reduce(Pane.merge, panes)

    assert decode_sum([encode_pane(pane) for pane in panes], REFERENCE) == merged


@pytest.mark.parametrize("spoilt", [{"n": 3}, {"model": "b"}, {"counts": "AAAA"}, {"classes": [1]}])
def test_one_that_is_malformed_spoils_the_sum(spoilt) -> None:
    with pytest.raises(ArtifactError, match="drift statistics are not valid"):
        decode_sum([stored(), stored(**spoilt), stored()], REFERENCE)


def test_merging_leaves_both_panes_as_they_were() -> None:
    first, second = (pane_of([((3.0, 3.0), (0.1, 0.9), 1, seq)]) for seq in (1, 2))
    before = encode_pane(first), encode_pane(second)

    merged = first.merge(second)
    merged.add((3.0, 3.0), (0.1, 0.9), 1, 3)

    assert (encode_pane(first), encode_pane(second)) == before
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

    below, above = pane.outside
    assert (pane.n, pane.classes) == (5, [1, 3])
    assert (pane.marks["black"], pane.marks["constant"], pane.marks["rejected"]) == (2, 1, 0)
    assert pane.missing.tolist() == [2, 1, 1, 2]
    assert below.tolist() == [1, 0, 0, 0]
    assert above.tolist() == [0, 1, 0, 1]
    assert [int(pane.ranks(column).sum()) for column in range(4)] == [3, 4, 4, 3]


def test_samples_are_rounded_as_the_reference_was() -> None:
    reference = Reference.fit([[0.1]] * 50, [[0.3, 0.7]] * 50, [1] * 50, LABELS, ("light",))

    pane = pane_of([((0.1,), (0.3, 0.7), 1, seq) for seq in range(50)], reference)

    for column in range(3):
        assert np.flatnonzero(pane.ranks(column)).tolist() == [50]
    assert not np.concatenate(pane.outside).any()
    assert [pane.wasserstein(column).high < 1e-6 for column in range(3)] == [True] * 3


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
        decode_pane(encode_pane(other), REFERENCE)


def test_what_was_merged_can_be_taken_away_again() -> None:
    first, second = (pane_of([((3.0, 3.0), (0.1, 0.9), 1, seq), (None, None, None, seq + 1)]) for seq in (1, 10))
    second.add_audit("random", 0, 1)

    rest = first.merge(second).subtract(second)

    rest.first_seq, rest.last_seq = first.first_seq, first.last_seq
    assert rest == first
    with pytest.raises(ValueError, match="never in it"):
        first.subtract(first.merge(second))


def test_panes_of_two_models_are_not_merged() -> None:
    with pytest.raises(ArtifactError, match="two models"):
        Pane(REFERENCE, "a").merge(Pane(REFERENCE, "b"))


def test_rejected_parts_and_audits_are_counted_and_add_up() -> None:
    pane = Pane(REFERENCE)
    for seq in range(5):
        pane.add((3.0, 3.0), (0.1, 0.9), 1, seq, rejected=seq % 2 == 0)
    pane.add_audit("random", 1, 0)

    both = pane.merge(pane)

    assert both.marks["rejected"] == 6
    assert both.audits == {("random", 1, 0): 2}
    assert decode_pane(encode_pane(both), REFERENCE) == both
    with pytest.raises(ValueError, match="label indices"):
        pane.add_audit("random", 1, 2)


def stored(**changes: object) -> dict[str, object]:
    pane = pane_of([((3.0, 3.0), (0.1, 0.9), 1, seq) for seq in (1, 2)])
    return encode_pane(pane) | changes


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
        {"classes": [2**70, 0]},
        {"marks": {"black": 3}},
        {"marks": {"black": -1}},
        {"first_seq": None},
        {"counts": ""},
        {"counts": "Ä"},
        {"counts": "AAAA"},
        {"audits": [["random", 0, 2, 1]]},
        {"audits": [["random", 0, 1]]},
        {"audits": [[1, 0, 1, 1]]},
        {"audits": [["random", 0, 1, 0]]},
    ],
)
def test_statistics_that_do_not_add_up_are_refused(changes) -> None:
    with pytest.raises(ArtifactError, match="drift statistics are not valid"):
        decode_pane(stored(**changes), REFERENCE)


@pytest.mark.parametrize("name", ["ranks", "counts"])
def test_counts_that_add_up_only_beyond_64_bits_are_refused(name: str) -> None:
    pane = pane_of([])
    arrays = {key: array.copy() for key, array in pane.arrays().items()}
    arrays[name].reshape(-1)[:8] = 2**61
    assert arrays[name].sum() == pane.n == 0
    text = base64.b64encode(pack_counts(arrays, REFERENCE.layout)).decode()
    with pytest.raises(ArtifactError, match="counts:"):
        decode_pane(encode_pane(pane) | {"counts": text}, REFERENCE)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_damaged_counts_are_refused_or_still_add_up(place: int, byte: int) -> None:
    data = bytearray(base64.b64decode(str(stored()["counts"])))
    unpacked = bytearray(zlib.decompress(data))
    unpacked[place % len(unpacked)] = byte
    text = base64.b64encode(zlib.compress(bytes(unpacked))).decode()
    try:
        pane = decode_pane(stored(counts=text), REFERENCE)
    except ArtifactError:
        return
    assert pane.n == 2
    assert all(int(pane.ranks(column).sum()) + pane.missing[column] == 2 for column in range(4))
    for column in range(4):
        low, high = pane.wasserstein(column)
        assert low >= 0
        assert high >= 0


def test_a_window_of_a_thousand_samples_and_thirteen_columns_is_small(draw) -> None:
    pane = draw(1000, seed=2).pane(draw(1000, seed=1).reference())

    packed = zlib.compress(json.dumps(encode_pane(pane), separators=(",", ":")).encode(), 9)

    assert len(packed) < 7800  # 600 bytes a column
    assert decode_pane(encode_pane(pane), pane.reference) == pane
