from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drift.encoding.coding import Unpacker, pack, unzigzag, zigzag
from edge.errors import ConfigError

counts = st.lists(st.integers(0, 5) | st.integers(0, 2**53), max_size=40)


@given(st.lists(counts, max_size=5))
def test_counts_survive_packing(arrays: list[list[int]]) -> None:
    if any(max(one, default=0) > 2**53 // 10**6 and min(one) == 0 for one in arrays):
        arrays = [[value % 1000 for value in one] for one in arrays]
    source = Unpacker([pack(arrays)])

    assert [source.take(len(one)).tolist() for one in arrays] == arrays
    source.end()


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=6))
def test_several_texts_are_read_together(texts: list[tuple[list[int], list[int]]]) -> None:
    texts = [([value % 10**6 for value in one], [value % 1000 for value in two]) for one, two in texts]
    source = Unpacker([pack(text) for text in texts])
    for place in range(2):
        sizes = np.array([len(text[place]) for text in texts])
        assert source.take(sizes).tolist() == [value for text in texts for value in text[place]]
    source.end()


def test_numbers_of_one_text_are_not_taken_for_those_of_another() -> None:
    source = Unpacker([pack([[0, 0, 1]]), pack([[2]])])
    with pytest.raises(ConfigError, match=r"expected \[2, 2\] numbers"):
        source.take(2)


def test_texts_together_may_not_unfold_to_more_than_one_may() -> None:
    half = zlib.compress(bytes(5 << 20))
    Unpacker([half])
    with pytest.raises(ConfigError, match="up to"):
        Unpacker([half, half])


def test_one_large_count_among_small_ones_survives() -> None:
    array = [0] * 100 + [2**40] + [1] * 100
    assert Unpacker([pack([array])]).take(201).tolist() == array


def test_a_thousand_values_in_a_thousand_gaps_take_two_bits_each() -> None:
    gaps = np.bincount(np.random.default_rng(0).integers(0, 1001, 1000), minlength=1001)
    assert len(pack([gaps])) < 290


@given(st.lists(st.integers(-(2**40), 2**40)))
def test_signs_survive(values: list[int]) -> None:
    array = np.array(values, np.int64)
    assert unzigzag(zigzag(array)).tolist() == values
    assert not (zigzag(array) < 0).any()


@pytest.mark.parametrize(
    ("data", "size", "said"),
    [
        (b"", 1, "compressed"),
        (b"nonsense", 1, "incorrect"),
        (pack([[1, 2]])[:-1], 2, "compressed"),
        (pack([[1, 2]]) + b"x", 2, "compressed"),
        (pack([[1, 2]]), 3, "expected 3"),
        (zlib.compress(b"\x63\x00\x00\x00\x00"), 0, "99"),
        (zlib.compress(b"\x00\xff\x00\x00\x00"), 0, "cut off"),
        (zlib.compress(bytes(9 << 20)), 1, "up to"),
    ],
)
def test_other_bytes_are_refused(data: bytes, size: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Unpacker([data]).take(size)


def test_what_is_left_over_is_refused() -> None:
    source = Unpacker([pack([[1], [2]])])
    source.take(1)
    with pytest.raises(ConfigError, match="too many"):
        source.end()
