"""Typed tables from plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.structs import build, plain
from edge.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = field(default=0.5, metadata={"min": 0.0, "max": 1.0})


@dataclass(frozen=True)
class Outer:
    inner: Inner
    count: int = 1
    mode: Literal["fast", "slow"] = "fast"
    labels: tuple[str, ...] = ()
    path: Path | None = None
    extra: dict[str, int] = field(default_factory=dict)
    flag: bool = False


@given(
    st.builds(
        Outer,
        inner=st.builds(Inner, name=st.text(), share=st.floats(0, 1)),
        count=st.integers(),
        mode=st.sampled_from(["fast", "slow"]),
        labels=st.lists(st.text()).map(tuple),
        path=st.none() | st.just(Path("a/b")),
        extra=st.dictionaries(st.text(), st.integers()),
        flag=st.booleans(),
    )
)
def test_plain_and_build_are_inverse(value: Outer) -> None:
    assert build(Outer, plain(value)) == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "inner: missing"),
        ({"inner": {"name": "x"}, "cuont": 2}, "cuont: unknown key; did you mean 'count'?"),
        ({"inner": {"nam": "x"}}, "inner.nam: unknown key; did you mean 'name'?"),
        ({"inner": {"name": "x"}, "count": "2"}, "count: expected a whole number, got '2'"),
        ({"inner": {"name": "x"}, "count": True}, "count: expected a whole number, got True"),
        ({"inner": {"name": "x"}, "flag": 1}, "flag: expected true or false, got 1"),
        (
            {"inner": {"name": "x"}, "mode": "slwo"},
            "mode: expected 'fast' or 'slow', got 'slwo'; did you mean 'slow'?",
        ),
        ({"inner": {"name": "x", "share": 1.5}}, "inner.share: expected a number from 0.0 to 1.0, got 1.5"),
        ({"inner": {"name": "x"}, "labels": ["a", 3]}, "labels[1]: expected a string, got 3"),
        ({"inner": {"name": "x"}, "labels": "ab"}, "labels: expected a list, got 'ab'"),
        ({"inner": "x"}, "inner: expected a table of keys, got 'x'"),
        ({"inner": {"name": "x"}, "extra": {"a": "b"}}, "extra.a: expected a whole number, got 'b'"),
    ],
)
def test_a_mistake_names_the_key_the_value_and_what_was_expected(data: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Outer, data)
    assert message in str(caught.value)


def test_unknown_keys_are_passed_over_where_the_writer_may_be_newer() -> None:
    assert build(Outer, {"inner": {"name": "x", "new": 1}, "newer": 2}, strict=False) == Outer(Inner("x"))


def test_nan_is_outside_every_bound() -> None:
    with pytest.raises(ConfigError, match="share"):
        build(Inner, {"name": "x", "share": float("nan")})
