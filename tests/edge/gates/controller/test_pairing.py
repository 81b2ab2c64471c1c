"""Parts and frames, paired by time stamp."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from edge.gates.controller.pairing import Pairing, PendingPart
from edge.inference.judgement import Judgement

MS = 1_000_000
Judge = Callable[..., Judgement]


def pairing(*seen_ms: float, tolerance_ms: float = 20, delay_ms: float = 0) -> Pairing:
    made = Pairing(round(tolerance_ms * MS), round(delay_ms * MS))
    for number, seen in enumerate(seen_ms):
        made.add(PendingPart(number, 1000 + number, round(seen * MS)))
    return made


def number_of(part: PendingPart | None) -> int | None:
    return None if part is None else part.number


def test_a_frame_gets_the_nearest_part_within_the_tolerance(judgement: Judge) -> None:
    parts = pairing(100, 130, 160)
    assert number_of(parts.pair(judgement(0, False, 118 * MS))) == 1
    assert number_of(parts.pair(judgement(0, False, 200 * MS))) is None


def test_frames_of_one_camera_never_go_back_and_those_of_another_are_on_their_own(judgement: Judge) -> None:
    parts = pairing(100, 130)
    assert number_of(parts.pair(judgement(0, False, 130 * MS))) == 1
    assert number_of(parts.pair(judgement(1, False, 112 * MS))) is None
    assert number_of(parts.pair(judgement(1, False, 112 * MS, camera=1))) == 0


def test_the_usual_delay_is_taken_off(judgement: Judge) -> None:
    parts = pairing(100, 130, delay_ms=30)
    assert number_of(parts.pair(judgement(0, False, 131 * MS))) == 0


@given(
    st.lists(st.floats(45, 500), min_size=1, max_size=40),
    st.data(),
)
def test_with_errors_below_half_the_gap_no_frame_ever_gets_another_part(
    judgement: Judge, gaps: list[float], data: st.DataObject
) -> None:
    seen = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    parts = pairing(*seen, tolerance_ms=20)
    for number, at in enumerate(seen):
        if data.draw(st.booleans()):  # some frames are lost
            error = data.draw(st.floats(-24, 24))
            found = number_of(parts.pair(judgement(number, True, round((at + error) * MS))))
            assert found == (number if abs(error) < 19.99 else found)
            assert found in (None, number)


def test_after_a_restart_everything_underway_is_handed_back_and_forgotten(judgement: Judge) -> None:
    parts = pairing(100, 130)
    parts.pair(judgement(0, True, 130 * MS))
    assert [part.number for part in parts.clear()] == [0, 1]
    assert parts.oldest() is None
    parts.add(PendingPart(0, 5, 20 * MS))
    assert number_of(parts.pair(judgement(1, True, 20 * MS))) == 0
