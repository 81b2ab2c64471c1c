"""Where parts lie on the belt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.sim.belt import PITCH_MM, TICKS_PER_MM, Belt


@given(seed=st.integers(0, 2**63 - 1), part=st.integers(0, 10**6))
def test_parts_lie_near_their_pitch_and_do_not_overlap(seed: int, part: int):
    belt = Belt(seed, 300.0)
    along, across = belt.place(part)
    assert abs(along - part * PITCH_MM) <= 5
    assert abs(across) <= 5
    assert belt.place(part + 1)[0] - along > 70  # a cookie is at most 63 mm wide


@given(seed=st.integers(0, 1000), first=st.floats(-500, 5000), length=st.floats(0, 1000))
def test_no_part_in_a_stretch_is_left_out(seed: int, first: float, length: float):
    belt = Belt(seed, 300.0)
    found = belt.parts_between(first, first + length)
    there = [part for part in range(60) if first <= belt.place(part)[0] <= first + length]
    assert set(there) <= set(found)
    assert len(found) <= len(there) + 2


def test_the_encoder_counts_the_way_of_the_belt():
    belt = Belt(0, 250.0)
    assert belt.travelled(4) == 1000.0
    assert belt.ticks(belt.travelled(4)) == 1000 * TICKS_PER_MM
    assert belt.nearest(belt.place(17)[0]) == 17
