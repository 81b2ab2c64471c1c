"""The stage on the simulated belt, against the belt's own positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from edge.inference.frames import Frame
from edge.inference.parts import Calibration, Due, Parts, PartsOptions
from edge.sim import SimulatedLine
from edge.sim.scene import VIEW_MM

pytestmark = pytest.mark.slow

Called = list[tuple[int, Due]]


@pytest.fixture
def judged(calibrated: Callable[[SimulatedLine], Calibration], frame: Callable[..., Frame]) -> Callable[..., Called]:
    """``judged(line, numbers)``: the part in the middle of each box that was due, and what was due."""

    def run(line: SimulatedLine, numbers: Iterable[int], live: bool = False, **options: object) -> Called:
        parts = Parts(calibrated(line), PartsOptions(**options), live)  # type: ignore[arg-type]
        called: Called = []
        for number in numbers:
            parts.step(frame(line.image(number), number))
            called += [(part_in(line, number, due), due) for due in parts.due]
        assert parts.lost == 0
        return called

    return run


def part_in(line: SimulatedLine, number: int, due: Due) -> int:
    """The part whose centre the box shows within 14 mm (a broken one has lost a piece); -1 for none."""
    scale = min(line.options.width / VIEW_MM[0], line.options.height / VIEW_MM[1])
    travel = line.belt.travelled(number / line.options.fps)
    seen_mm = travel - (due.box.x + due.box.w / 2 - line.options.width / 2) / scale
    part = line.belt.nearest(seen_mm)
    return part if abs(line.belt.place(part)[0] - seen_mm) < 14 else -1


def passed(line: SimulatedLine, first: int, last: int) -> list[int]:
    """The parts that the centre line saw between two frames, but for those within 25 mm of it at either end."""
    start, end = (line.belt.travelled(number / line.options.fps) for number in (first, last))
    return [part for part in line.belt.parts_between(start, end) if start + 25 < line.belt.place(part)[0] < end - 25]


def assert_each_once(line: SimulatedLine, called: Called, first: int, last: int) -> None:
    counts = Counter(part for part, _ in called)
    expected = passed(line, first, last)
    assert len(expected) > 5
    assert -1 not in counts, [due for part, due in called if part == -1]
    assert [part for part in expected if counts[part] != 1] == []
    assert max(counts.values()) == 1
    assert len({due.part for _, due in called}) == len(called)


WIDE = "sim://line?trigger=free&pace=fast&width=640&height=160&defects=0.4"


@pytest.mark.parametrize(("speed", "parts"), [(200, 35), (500, 70), (1200, 70)])
def test_every_part_is_judged_exactly_once_and_whole_at_three_belt_speeds(judged, speed, parts):
    """Of a thousand parts in all: ``python -m tests.bench belt``."""
    line = SimulatedLine.from_uri(f"{WIDE}&speed={speed}&seed=11")
    frames = round(parts * 110 / speed * 30)
    called = judged(line, range(frames))
    assert_each_once(line, called, 0, frames - 1)
    assert all(due.whole for _, due in called)


@pytest.mark.parametrize("change", ["light=0.7", "light=1.3", "blur=3", "noise=12", "cast=0.85,1,1.15"])
def test_parts_are_found_under_conditions_that_were_not_calibrated(judged, change):
    line = SimulatedLine.from_uri(f"{WIDE}&speed=900&at=5:{change}&at=15:light=1;blur=0;noise=3;cast=1,1,1")
    assert_each_once(line, judged(line, range(90)), 0, 89)


@pytest.mark.parametrize("live", [False, True])
def test_every_seventh_frame_may_be_missing(judged, live):
    line = SimulatedLine.from_uri(f"{WIDE}&speed=900&seed=2")
    called = judged(line, [number for number in range(120) if number % 7], live)
    assert_each_once(line, called, 1, 119)


def test_parts_in_view_at_the_first_frame_count_too(judged):
    line = SimulatedLine.from_uri(f"{WIDE}&speed=600&seed=4")
    called = judged(line, range(50, 150))
    assert_each_once(line, called, 50, 149)
    start = line.belt.travelled(50 / 30)
    past = [part for part in line.belt.parts_between(0, start) if start - line.belt.place(part)[0] < 140]
    assert past and set(past) <= {part for part, _ in called}  # beyond the centre line, but still whole


def test_a_given_speed_serves_belts_that_are_too_fast_to_be_measured(judged):
    line = SimulatedLine.from_uri(f"{WIDE}&speed=2400&seed=4")
    called = judged(line, range(80), direction="right", speed=2400 / 30 * 160 / 90)
    assert_each_once(line, called, 0, 79)


def test_a_narrow_view_with_one_part_at_a_time(judged):
    line = SimulatedLine.from_uri("sim://line?trigger=free&pace=fast&speed=600&defects=0.4")
    assert_each_once(line, judged(line, range(150)), 0, 149)


def test_one_result_per_part_by_vote_from_all_whole_sightings(calibrated, frame):
    line = SimulatedLine.from_uri(f"{WIDE}&speed=600&seed=6")
    parts = Parts(calibrated(line), PartsOptions(judging="vote"))
    votes: dict[int, list[int]] = {}
    results: dict[int, np.ndarray] = {}
    for number in range(120):
        parts.step(frame(line.image(number), number))
        for due in parts.due:
            part = part_in(line, number, due)
            votes.setdefault(due.part, []).append(part)
            parts.vote(due.part, np.array([part, 1.0], np.float32))
        for number_of_part in parts.finished:
            assert number_of_part not in results
            results[number_of_part] = parts.finish(number_of_part)
    parts.end()
    results |= {part: parts.finish(part) for part in parts.finished}
    assert results.keys() == votes.keys()
    assert all(len(set(seen)) == 1 for seen in votes.values())
    assert all(result[0] == votes[part][0] and result[1] == 1 for part, result in results.items())
    assert set(passed(line, 0, 119)) <= {seen[0] for seen in votes.values()}
    assert np.median([len(seen) for seen in votes.values()]) > 5


def test_belt_positions_are_those_of_the_belt(judged):
    line = SimulatedLine.from_uri(f"{WIDE.replace('0.4', '0')}&speed=600&seed=6")
    called = judged(line, range(150))[3:]
    found = np.diff([due.belt_px for _, due in called])
    true = np.diff([line.belt.place(part)[0] * 160 / 90 for part, _ in called])
    assert [part for part, _ in called] == sorted(part for part, _ in called)
    np.testing.assert_allclose(found, true, atol=12)  # of 195 px from part to part
