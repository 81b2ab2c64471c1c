from __future__ import annotations

import numpy as np
import pytest

from edge.core.structs import build
from edge.errors import ConfigError, SourceError
from edge.inference.frames import Frame
from edge.inference.parts import Box, Calibration, Parts, PartsOptions, crop


@pytest.fixture
def empty(belt_of_discs):
    return Calibration.fit(belt_of_discs(noise=seed) for seed in range(8))


def test_two_parts_that_touch_are_two_parts(empty, belt_of_discs, frame):
    parts, due = Parts(empty), []
    for number in range(30):
        x = 12 * number - 30
        parts.step(frame(belt_of_discs((x, 100), (x, 140), radius=20, noise=number), number))
        due += parts.due
    assert len(due) == 2
    assert sorted(one.box.y + one.box.h / 2 for one in due) == pytest.approx([100, 140], abs=8)


def test_a_part_that_is_missed_for_some_frames_keeps_its_number(empty, belt_of_discs, frame):
    parts, due, numbers = Parts(empty), [], set()
    for number in range(40):
        hidden = number in (12, 13, 14)
        discs = [] if hidden else [(9 * number - 20, 120)]
        numbers |= {sighting.part for sighting in parts.step(frame(belt_of_discs(*discs, noise=number), number))}
        due += parts.due
    assert numbers == {0}
    assert [one.part for one in due] == [0]


def test_parts_are_called_where_they_are_nearest_to_the_centre_line(empty, belt_of_discs, frame):
    parts, offsets = Parts(empty), []
    for number in range(80):
        discs = [(10 * number - 130 * k - 20, 120) for k in range(5)]
        sightings = parts.step(frame(belt_of_discs(*discs, noise=number), number))
        called = {due.part for due in parts.due}
        offsets += [sighting.offset_px for sighting in sightings if sighting.part in called]
    assert len(offsets) == 5
    assert max(map(abs, offsets)) <= 7


@pytest.mark.parametrize(("dx", "dy"), [(11, 0), (-11, 0), (0, 9), (0, -9), (8, 5)])
def test_the_belt_may_run_in_any_direction(empty, belt_of_discs, frame, dx, dy):
    parts, due = Parts(empty), []
    for number in range(60):
        along = number - 30
        discs = [(160 + dx * (along - 9 * k), 120 + dy * (along - 9 * k)) for k in (-1, 0, 1)]
        parts.step(frame(belt_of_discs(*discs, noise=number), number))
        due += parts.due
    assert sorted(one.part for one in due) == [0, 1, 2]
    assert parts.speed_px == pytest.approx(np.hypot(dx, dy), rel=0.05)


def test_two_horns_that_come_in_first_are_one_part(empty, belt_of_discs, frame):
    parts, due = Parts(empty), []
    for number in range(60):
        x = 8 * number - 40
        image, belt = belt_of_discs((x, 120), radius=40, noise=number), belt_of_discs(noise=number)
        bite = np.s_[100:140, max(0, x) : max(0, x + 45)]
        image[bite] = belt[bite]
        parts.step(frame(image, number))
        due += parts.due
    assert [one.part for one in due] == [0]
    assert parts.lost == 0


def test_a_stopped_belt_calls_nobody_twice(empty, belt_of_discs, frame):
    parts, due, x = Parts(empty), [], -20.0
    for number in range(90):
        x += 0 if 20 <= number < 50 else 8
        parts.step(frame(belt_of_discs((x, 120), (x - 120, 120), noise=number), number))
        due += parts.due
    assert [one.part for one in due] == [0, 1]


def test_things_that_do_not_move_with_the_belt_are_never_judged(empty, belt_of_discs, frame):
    parts, due = Parts(empty), []
    for number in range(60):
        discs = [(10 * number - 20, 90)] + [(200, 200)] * (number % 3 == 0)
        parts.step(frame(belt_of_discs(*discs, noise=number), number))
        due += parts.due
    assert len(due) == 1


def test_a_sighting_is_not_whole_where_the_border_cuts_it(empty, belt_of_discs, frame):
    parts = Parts(empty)
    for number in range(45):
        x = 8 * number - 20
        for sighting in parts.step(frame(belt_of_discs((x, 120), noise=number), number)):
            if x < 14 or x > 306:
                assert not sighting.whole
            elif 26 < x < 294:
                assert sighting.whole
                assert abs(sighting.box.x + sighting.box.w / 2 - x) < 4


def test_a_frame_without_a_picture_is_passed_over(empty):
    parts = Parts(empty)
    assert parts.step(Frame(None, 1, 1)) == [] and parts.due == []


def test_a_frame_of_another_size_is_refused(empty, frame):
    with pytest.raises(SourceError, match="calibrate again"):
        Parts(empty).step(frame(np.zeros((100, 100, 3), np.uint8)))


def test_only_the_region_is_looked_at(belt_of_discs, frame):
    region = Box(0, 80, 320, 100)
    parts = Parts(Calibration.fit((belt_of_discs(noise=seed) for seed in range(8)), region))
    due = []
    for number in range(60):
        x = 8 * number - 20
        parts.step(frame(belt_of_discs((x, 30), (x, 130), noise=number), number))
        due += parts.due
    assert len(due) == 1
    assert due[0].box.y + due[0].box.h / 2 == pytest.approx(130, abs=4)


def test_options_are_checked():
    with pytest.raises(ConfigError, match="direction"):
        PartsOptions(speed=20)
    with pytest.raises(ConfigError, match="smallest"):
        PartsOptions(smallest=0.5, largest=0.4)
    assert build(PartsOptions, {"judging": "vote", "smallest": 0.02}).judging == "vote"


def test_a_crop_within_the_picture_is_a_view_and_one_beyond_it_is_padded():
    image = np.arange(20 * 30 * 3, dtype=np.uint32).reshape(20, 30, 3).astype(np.uint8)
    inside = crop(image, Box(4, 5, 6, 7))
    assert np.shares_memory(inside, image) and inside.shape == (7, 6, 3)
    beyond = crop(image, Box(26, 15, 8, 8))
    assert beyond.shape == (8, 8, 3)
    np.testing.assert_array_equal(beyond[-1, -1], image[-1, -1])
    np.testing.assert_array_equal(beyond[:5, :4], image[15:, 26:])
    assert crop(image, Box(10, 8, 10, 4), margin=0.1).shape == (6, 12, 3)
    out = np.empty((8, 8, 3), np.uint8)
    assert crop(image, Box(26, 15, 8, 8), out=out) is out
    with pytest.raises(ValueError, match="does not meet"):
        crop(image, Box(40, 0, 5, 5))
    assert Box(10, 10, 20, 10).squared() == Box(10, 5, 20, 20)
