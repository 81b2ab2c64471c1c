"""Stages of a roll-out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.fleet.rollout.stages import DEFAULT, cut, parse_stages


def test_one_then_a_tenth_then_all() -> None:
    devices = [f"d{number}" for number in range(25)]
    assert [len(part) for part in cut(devices, parse_stages(DEFAULT))] == [1, 2, 22]
    assert [len(part) for part in cut(devices[:3], parse_stages(DEFAULT))] == [1, 2]
    assert [len(part) for part in cut(devices[:1], parse_stages(DEFAULT))] == [1]


def test_a_roll_out_may_end_before_all_have_it() -> None:
    assert cut(["a", "b", "c", "d"], parse_stages("1, 50%")) == [["a"], ["b"]]


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "-1", "1;2", "all", "1,,2", "1.5"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--stages: expected numbers of devices or percentages, as in 1,10%,100%"):
        parse_stages(text)


@given(
    st.integers(0, 300),
    st.lists(st.tuples(st.integers(1, 100), st.booleans()), min_size=1, max_size=6),
)
def test_nobody_is_asked_twice_and_the_last_share_reaches_all(count: int, stages: list[tuple[int, bool]]) -> None:
    devices = [str(number) for number in range(count)]
    parts = cut(devices, [*stages, (100, True)])
    assert [device for part in parts for device in part] == devices
    assert all(parts)
