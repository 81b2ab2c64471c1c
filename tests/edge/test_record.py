"""Packed records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.record import SIZE, Record, pack, unpack

_U64 = st.integers(0, 2**64 - 1)
_RECORDS = st.builds(
    Record,
    seq=_U64,
    captured_ns=_U64,
    wall_ns=_U64,
    latency_us=st.integers(0, 2**32 - 1),
    score=st.floats(0, 1, width=32),
    label=st.integers(0, 2**16 - 1),
    flags=st.integers(0, 255),
    camera=st.integers(0, 255),
    part=st.integers(0, 2**32 - 1),
    belt_px=st.integers(0, 2**63 - 1),
)


@given(st.lists(_RECORDS))
def test_unpack_is_the_inverse_of_pack(records: list[Record]) -> None:
    data = pack(records)
    assert len(data) == SIZE * len(records)
    assert list(unpack(data)) == records
