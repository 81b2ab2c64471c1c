from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drift import Reference
from edge.drift.encoding.packing import RAW, pack, unpack
from edge.drift.reference import MAX_SCORES, MAX_VALUES
from edge.errors import ArtifactError, ConversionError


def small(features: list[float]) -> Reference:
    n = len(features)
    return Reference.fit([[x] for x in features], [[0.2, 0.8]] * n, [1] * n, ("bad", "good"), ("light",))


GOOD = zlib.decompress(small([3.0, 1.0, 2.0]).to_bytes())


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=50))
def test_a_reference_survives_the_way_through_bytes(features: list[float]) -> None:
    reference = small(features)
    data = reference.to_bytes()

    again = Reference.from_bytes(data)

    assert again == reference
    assert again.to_bytes() == data
    assert again.digest == reference.digest


def test_equal_samples_in_any_order_give_equal_bytes() -> None:
    assert small([3.0, -0.0, 2.0]).to_bytes() == small([0.0, 2.0, 3.0]).to_bytes()


def test_values_are_sorted_float32_and_the_others_count_as_missing() -> None:
    column = small([0.1, float("nan"), -5.0, float("inf"), 1e39]).columns[0]

    assert column.values == (-5.0, float(np.float32(0.1)))
    assert (column.total, column.missing, column.low, column.high) == (2, 3, -5.0, float(np.float32(0.1)))
    assert (column.mean, column.std) == (float(np.float32(-2.45)), float(np.float32(2.55)))


@given(st.integers(MAX_VALUES + 1, 20_000))
@settings(max_examples=20)
def test_a_large_sample_is_thinned_evenly_by_rank(n: int) -> None:
    column = small([float(i) for i in range(n)][::-1]).columns[0]

    gaps = np.diff(column.values)
    assert len(column.values) == MAX_VALUES
    assert column.total == n
    assert (column.low, column.high) == (0.0, n - 1.0)
    assert gaps.max() - gaps.min() <= 1
    assert abs(column.values[0] - (n - 1 - column.values[-1])) <= 1


def test_thirteen_full_columns_stay_below_thirty_three_kilobytes(draw) -> None:
    assert len(draw(3000, seed=1).reference().to_bytes()) < 33_000


@given(st.lists(st.floats(-(2.0**126), 2.0**126, width=32) | st.integers(0, 256).map(lambda i: i / 256), min_size=1))
def test_sorted_float32_are_packed_without_loss(values: list[float]) -> None:
    ordered = sorted(value + 0.0 for value in values)
    assert unpack(pack(ordered)).tolist() == ordered


def test_scores_of_a_quantized_model_take_next_to_nothing() -> None:
    scores = np.random.default_rng(0).beta(0.3, 0.3, 1000)
    reference = small((np.round(scores * 256) / 256).tolist())
    assert len(reference.columns[0].values) == 1000
    assert len(reference.to_bytes()) < 700


def test_of_many_classes_the_scores_of_the_commonest_are_watched() -> None:
    labels = [f"class {i}" for i in range(100)]
    predicted = np.repeat(np.arange(100), np.arange(1, 101))
    scores = np.zeros((len(predicted), 100))

    reference = Reference.fit(np.ones((len(predicted), 1)), scores, predicted, labels, ["light"])

    assert [column.name for column in reference.columns[1:]] == [f"score:{i}" for i in labels[-MAX_SCORES:]]
    assert reference.score_indices == tuple(range(100 - MAX_SCORES, 100))
    assert reference.classes == tuple(range(1, 101))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([[1.0]], [[0.5]], [0], ["a", "b"], ["light"]), "(1, 2)"),
        (([[1.0]], [[0.5, 0.5]], [2], ["a", "b"], ["light"]), "0 to 1"),
        (([[1.0]], [[0.5, 0.5]], [0], ["a", "a"], ["light"]), "differ"),
        (([[float("nan")]], [[0.5, 0.5]], [0], ["a", "b"], ["light"]), "light"),
        ((np.empty((0, 1)), np.empty((0, 2)), [], ["a", "b"], ["light"]), "n ≥ 1"),
    ],
)
def test_samples_that_do_not_fit_together_are_refused(arguments, said: str) -> None:
    with pytest.raises(ConversionError, match=".*" + said.replace("(", r"\(").replace(")", r"\)")):
        Reference.fit(*arguments)


def with_column(**changes: object) -> bytes:
    fields = json.loads(GOOD)
    fields["columns"][0] |= changes
    return json.dumps(fields).encode()


def with_values(**changes: object) -> bytes:
    return with_column(values=json.loads(GOOD)["columns"][0]["values"] | changes)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        GOOD[:-1],
        GOOD.replace(b'"schema":4', b'"schema":5'),
        GOOD.replace(b'"features":["light"]', b'"features":["dark"]'),
        GOOD.replace(b'"bad"', b'"worse"', 1),
        GOOD.replace(b'"bad"', b'"\\ud800"'),
        GOOD.replace(b'"classes":[0,3]', b'"classes":[-1,3]'),
        GOOD.replace(b'"classes":[0,3]', b'"classes":[3]'),
        GOOD.replace(b'"classes":[0,3]', b'"classes":[0,1e9]'),
        zlib.compress(GOOD)[:-1],
        zlib.compress(GOOD) + b"x",
        zlib.compress(b" " * (17 << 20)),
        with_column(values="AAA"),
        with_values(data="AAA"),
        with_values(data="ÄÄÄÄ"),
        with_values(exponent=RAW, data=""),
        with_values(exponent=RAW, data="AACAPwAA"),
        with_values(exponent=RAW, data="AADAfw=="),
        with_values(exponent=500),
        with_values(exponent=-149, first=2**60),
        with_values(exponent=-40, first=2**30 + 1),
        with_column(low=2.5),
        with_column(low=float("-inf")),
        with_column(low=10**400),
        with_column(total=1),
        with_column(missing=-1),
        with_column(name="score:good"),
        with_column(mean=99.0),
        with_column(std=-1.0),
        with_column(std=float("nan")),
        GOOD.replace(b'"centre":[', b'"centre":[1.0,'),
    ],
)
def test_malformed_bytes_are_refused_in_one_line(data: bytes) -> None:
    assert data != GOOD
    with pytest.raises(ArtifactError, match=r"\Adrift reference is not valid: .*convert the model again\Z"):
        Reference.from_bytes(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_damaged_byte_never_escapes_as_another_error(place: int, byte: int) -> None:
    damaged = bytearray(GOOD)
    damaged[place] = byte
    try:
        reference = Reference.from_bytes(bytes(damaged))
    except ArtifactError:
        return
    assert Reference.from_bytes(reference.to_bytes()) == reference
