import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.monitor.web import texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (90000, "1 d 1 h"),
        (172800, "2 d"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert texts.lasting(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (0, "0"),
        (12345, "12\u202f345"),
        (0.12345, "0.123"),
        (99.96, "100"),
    ],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert texts.number(value) == text


def test_units_are_stated() -> None:
    assert texts.milliseconds(12_340) == "12.3\u00a0ms"
    assert texts.size(4_200_000) == "4.2\u00a0MB"
    assert texts.share(0.1234) == "12.3%"
    assert texts.milliseconds(None) == texts.size(None) == texts.share(None) == "–"


def test_a_time_has_its_iso_form_as_title() -> None:
    assert 'title="2026-01-02T03:04:05Z"' in texts.when(1_767_323_045 * 10**9)


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_that_a_device_sends_can_be_shown(wall_ns: int) -> None:
    assert texts.when(wall_ns) == "–" or "<time" in texts.when(wall_ns)


@given(st.floats())
def test_any_number_can_be_shown(value: float) -> None:
    for show in (texts.number, texts.size, texts.share, texts.milliseconds, texts.chance):
        assert show(value)


def test_a_link_keeps_names_in_the_query() -> None:
    assert texts.link("/device", name="../<a b>&x", page=None, text="") == "/device?name=..%2F%3Ca+b%3E%26x"
