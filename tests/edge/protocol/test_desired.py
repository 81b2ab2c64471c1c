"""What is desired: a small message that anybody with a password may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import MessageError
from edge.protocol.desired import MAX_BYTES, Desired, check_url, parse

GOOD = {
    "id": "5f0c-1",
    "model": "cookie",
    "version": 3,
    "sha256": "ab" * 32,
    "size": 600_000,
    "chunk_bytes": 262_144,
}


def test_what_is_written_is_read() -> None:
    desired = Desired(**GOOD)  # type: ignore[arg-type]
    assert parse(desired.to_json()) == desired
    assert desired.chunks == 3
    other = Desired("a", "cookie", 3, "ab" * 32, 5, url="https://host/cookie.tflite")
    assert parse(other.to_json()) == other
    assert other.chunks == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "desired.id: expected 1 to 64"),
        ({"id": "a b"}, "desired.id"),
        ({"sha256": "AB" * 32}, "desired.sha256: expected 64 hexadecimal digits"),
        ({"size": 0}, "desired.size"),
        ({"size": 1 << 40}, "desired.size"),
        ({"version": -1}, "desired.version"),
        ({"model": "\x1b[2J"}, "desired.model"),
        ({"chunk_bytes": 0}, "either url or chunk_bytes"),
        ({"chunk_bytes": 1}, "chunk_bytes: expected a number from 1024"),
        ({"url": "https://host/x"}, "either url or chunk_bytes"),
        ({"chunk_bytes": 0, "url": "file:///etc/passwd"}, r"desired\.url: expected https://"),
        ({"chunk_bytes": 0, "url": "https://me:word@host/x"}, "a password in an address"),
        ({"chunk_bytes": 0, "url": "https://host/a b"}, r"desired\.url"),
        ({"chunk_bytes": 0, "url": "https://host:99999/"}, r"desired\.url"),
        ({"surprise": 1}, "unknown key"),
        ({"version": "3"}, "desired.version: expected a whole number"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        parse(json.dumps(GOOD | change).encode())


def test_a_long_message_is_refused_unread() -> None:
    with pytest.raises(MessageError, match=f"at most {MAX_BYTES} are read"):
        parse(b" " * (MAX_BYTES + 1))


@given(st.binary(max_size=300) | st.text().map(str.encode) | st.just(b"[" * 4000))
def test_any_bytes_are_one_clear_error(payload: bytes) -> None:
    with pytest.raises(MessageError):
        parse(payload)


@given(
    st.dictionaries(st.sampled_from(sorted(GOOD)), st.none() | st.integers() | st.text() | st.floats(), min_size=1)
)
def test_any_values_are_one_clear_error_or_a_sound_message(change: dict[str, Any]) -> None:
    try:
        desired = parse(json.dumps(GOOD | change).encode())
    except MessageError as error:
        assert "\n" not in str(error)
    else:
        assert 0 < desired.size <= desired.chunks * desired.chunk_bytes


@given(st.text(max_size=60))
def test_an_address_is_fit_or_refused(text: str) -> None:
    try:
        check_url("http://" + text)
    except MessageError:
        return
    assert text.isascii()
    assert "@" not in text.split("/")[0]
