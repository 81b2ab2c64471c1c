"""Packed records."""

from __future__ import annotations

import math
import random
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocol.record import MAX_RECORDS, SIZE, Record, pack, unpack

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
    belt_px=_U64,
)


@given(st.lists(_RECORDS))
def test_unpack_is_the_inverse_of_pack(records: list[Record]) -> None:
    data = pack(records)
    assert list(unpack(data)) == records


def of_a_line(count: int) -> list[Record]:
    """As a camera at 30 frames a second and a float model make them: the noisiest records there are."""
    chance, found = random.Random(3), []
    for seq in range(count):
        captured_ns = 10**13 + seq * 33_333_333 + int(chance.gauss(0, 300_000))
        wall_ns = 17 * 10**17 + captured_ns + int(chance.gauss(0, 200))
        score = struct.unpack("f", struct.pack("f", chance.random()))[0]
        latency_us = int(abs(chance.gauss(9000, 800)))
        found.append(Record(seq, captured_ns, wall_ns, latency_us, score, chance.randrange(3), 0, 0, seq, 0))
    return found


def test_the_records_of_a_line_take_a_quarter_of_the_plain_struct() -> None:
    records = of_a_line(150)
    data = pack(records)
    assert list(unpack(data)) == records
    assert len(data) < SIZE * len(records) / 3.5


def test_a_score_that_is_not_a_number_stays_one() -> None:
    (record,) = unpack(pack([Record(0, 0, 0, 0, math.nan, 0, 0)]))
    assert math.isnan(record.score)


@pytest.mark.parametrize("field", ["seq", "latency_us", "label", "camera", "part"])
@pytest.mark.parametrize("value", [-1, 2**64])
def test_a_number_that_its_column_cannot_hold_is_refused(field: str, value: int) -> None:
    with pytest.raises(OverflowError):
        pack([Record(0, 0, 0, 0, 0.0, 0, 0)._replace(**{field: value})])


@given(st.binary(max_size=200))
def test_what_pack_did_not_make_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="packed records"):
        unpack(data)


@given(st.data())
def test_a_damaged_blob_is_refused_or_as_long_as_it_says(data: st.DataObject) -> None:
    blob = bytearray(pack(of_a_line(20)))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = list(unpack(bytes(blob)))
    except ValueError:
        return
    assert len(found) == struct.unpack_from("<I", blob, 1)[0]


def test_a_blob_that_swells_is_refused_before_it_fills_the_memory() -> None:
    bomb = zlib.compress(bytes(1 << 26))
    for count in (0, 1, MAX_RECORDS):
        tracemalloc.start()
        with pytest.raises(ValueError, match="packed records"):
            unpack(struct.pack("<BI", 2, count) + bomb)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 16 << 20
    with pytest.raises(ValueError, match="version 2"):
        unpack(struct.pack("<BI", 2, MAX_RECORDS + 1) + bomb)
