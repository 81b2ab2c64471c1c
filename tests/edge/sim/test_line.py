"""The simulated line: the same seed gives the same parts, and the truth about them is known."""

from __future__ import annotations

import collections
import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edge.sim.line
from edge.sim import LABELS, LineOptions, SimulatedLine

seeds = st.integers(0, 2**63 - 1)


@settings(max_examples=15)
@given(seed=seeds, frame=st.integers(0, 10**6), width=st.integers(32, 160), height=st.integers(32, 160))
def test_any_seed_gives_a_bgr_picture_and_a_stable_truth(seed: int, frame: int, width: int, height: int):
    line = SimulatedLine(LineOptions(seed=seed, width=width, height=height))
    truth = line.truth(frame)
    image = line.image(frame)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert truth in LABELS
    assert line.truth(frame) == truth == SimulatedLine(LineOptions(seed=seed)).truth(frame)


def test_a_frame_does_not_depend_on_the_frames_drawn_before():
    uri = "sim://line?seed=5&defects=0.5&width=160&height=120"
    line, other = SimulatedLine.from_uri(uri), SimulatedLine.from_uri(uri)
    forwards = [line.image(i) for i in range(8)]
    backwards = [other.image(i) for i in reversed(range(8))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not np.array_equal(forwards[0], forwards[1])


def test_another_seed_gives_other_parts():
    one, two = (SimulatedLine.from_uri(f"sim://line?seed={seed}&defects=0.5") for seed in (1, 2))
    assert [one.truth(i) for i in range(50)] != [two.truth(i) for i in range(50)]
    assert not np.array_equal(one.image(0, "whole"), two.image(0, "whole"))


def test_the_share_of_defects_is_as_told_and_the_kinds_are_equally_likely():
    line = SimulatedLine.from_uri("sim://line?seed=3&defects=0.2")
    counts = collections.Counter(line.truth(i) for i in range(4000))
    # Five standard deviations of a binomial count: 4000 × 0.2, and 4000 × 0.05 for each kind.
    assert abs(4000 - counts["whole"] - 800) < 5 * (4000 * 0.2 * 0.8) ** 0.5
    for kind in LABELS[1:]:
        assert abs(counts[kind] - 200) < 5 * (4000 * 0.05 * 0.95) ** 0.5


@settings(max_examples=20)
@given(seed=seeds)
def test_only_the_kinds_asked_for_occur(seed: int):
    line = SimulatedLine(LineOptions(seed=seed, defects=1.0, kinds=("burnt", "broken")))
    assert {line.truth(i) for i in range(60)} == {"burnt", "broken"}


def test_a_larger_share_keeps_the_parts_that_were_defective_before():
    few, many = (SimulatedLine.from_uri(f"sim://line?seed=9&defects={share}") for share in (0.1, 0.5))
    before = {i: few.truth(i) for i in range(200) if few.truth(i) != "whole"}
    assert before
    assert {i: many.truth(i) for i in before} == before


def test_the_script_changes_the_share_at_its_part():
    line = SimulatedLine.from_uri("sim://line?defects=0&at=100:defects=1")
    assert {line.truth(i) for i in range(100)} == {"whole"}
    assert "whole" not in {line.truth(i) for i in range(100, 200)}


def test_frames_carry_the_truth_of_their_part():
    line = SimulatedLine.from_uri("sim://line?seed=2&defects=0.5&count=6&pace=fast&width=64&height=48")
    frames = [line.read() for _ in range(6)]
    assert [frame.truth for frame in frames if frame] == [line.truth(i) for i in range(6)]
    assert all(np.array_equal(frame.image, line.image(i)) for i, frame in enumerate(frames) if frame)
    assert line.read() is None


def test_a_part_can_be_drawn_with_another_label():
    line = SimulatedLine.from_uri("sim://line?seed=1&defects=0")
    assert np.array_equal(line.image(4), line.image(4, "whole"))
    assert not np.array_equal(line.image(4), line.image(4, "broken"))
    with pytest.raises(ValueError, match=r"label: expected one of whole, .* got 'brocken'"):
        line.image(4, "brocken")


def test_a_free_running_camera_sees_parts_come_and_go():
    line = SimulatedLine.from_uri("sim://line?trigger=free&fps=10&speed=110&count=30&pace=fast&defects=0.5")
    truths = []
    while frame := line.read():
        truths.append(frame.truth)
    # A pitch of 110 mm and 11 mm a frame: each part is the middle one for about ten frames.
    assert len(truths) == 30
    assert truths[0] == line.truth(0)
    assert truths[10] == line.truth(1)
    assert truths[20] == line.truth(2)


def test_the_belt_moves_a_part_by_the_way_it_travelled():
    line = SimulatedLine.from_uri("sim://line?trigger=free&fps=10&speed=50&noise=0&defects=0")
    images = [line.image(frame).astype(int) for frame in (0, 1, 2)]
    middles = [np.nonzero(image[..., 2] - image[..., 0] > 60)[1].mean() for image in images]
    per_frame = 50 / 10 * 320 / 120  # 120 mm of belt are in view
    assert np.diff(middles) == pytest.approx([per_frame, per_frame], abs=1)


def test_the_example_in_the_docstring_holds():
    assert doctest.testmod(edge.sim.line) == (0, 2)
