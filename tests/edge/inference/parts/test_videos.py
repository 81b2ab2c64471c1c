"""Counts on pictures of real belts. Every video was looked at frame by frame; how it was counted stands with each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.inference.frames import Image, open_source
from edge.inference.parts import Box, Calibration, Due, Parts, PartsOptions
from edge.inference.parts.finder import Finder

pytestmark = pytest.mark.thirdparty


def frames_of(path: Path, most: int = 10_000) -> list[Image]:
    source, images = open_source(str(path)), []
    while len(images) < most and (frame := source.read()) is not None:
        if frame.image is not None:
            images.append(frame.image.copy())
    source.close()
    return images


def called(images: list[Image], options: PartsOptions, region: Box | None, frame) -> list[tuple[int, Due]]:
    """(frame, due), calibrated on the moving belt itself: none of the videos begins with enough empty belt."""
    parts, calls = Parts(Calibration.fit(images, region), options), []
    for number, image in enumerate(images):
        parts.step(frame(image, number))
        calls += [(number, due) for due in parts.due]
    return calls


def test_one_bolt_passes(shared_data, frame):
    # Counted by looking at 30 of the 37 frames: one bolt comes in at the left in frame 1, is in the middle of the
    # picture in frames 14 to 16 and gone after frame 23. Its outline has a waist, so parts are not split by shape.
    images = frames_of(shared_data / "video" / "bolt-multi-size-detection.gif")
    calls = called(images, PartsOptions(split=False), None, frame)
    assert [number for number, _ in calls] == [pytest.approx(15, abs=1)]
    assert calls[0][1].whole


def test_an_apple_a_broccoli_a_cauliflower_and_an_orange_pass(shared_data, frame):
    # Counted by looking at every third of the 101 frames: the middle of the picture (x = 240 of 480) is passed by the
    # apple at about frame 17, the broccoli at 33, the cauliflower at 72 and the orange at 92. The rail behind them
    # looks like parts of them (bridge), and a broccoli has a waist (split).
    images = frames_of(shared_data / "video" / "fruit-and-vegetable-detection.gif")
    calls = called(images, PartsOptions(split=False, bridge=20), None, frame)
    assert [number for number, _ in calls] == [pytest.approx(at, abs=3) for at in (17, 33, 72, 92)]
    assert [due.part for _, due in calls] == [0, 1, 2, 3]
    assert all(due.whole for _, due in calls)


def test_three_pairs_of_pizzas_pass_on_the_upper_belt(shared_data, frame):
    # Counted by looking at every sixth of the 132 frames with a line drawn across the left belt: pairs cross it at
    # about frames 16 to 20, 65 and 109. The pair beyond it in frame 0 is already cut by the region's end, the one
    # that comes in at frame 114 does not reach it: six pizzas. The belt runs askew, and the video repeats each
    # picture three or four times. The two of a pair almost touch and have bright halos, hence the contrast.
    images = frames_of(shared_data / "video" / "pizza_line_results.mp4")
    options = PartsOptions(bridge=0, smallest=0.03, contrast=48)
    calls = called(images, options, Box(40, 135, 200, 87), frame)
    assert [number for number, _ in calls] == [pytest.approx(at, abs=4) for at in (16, 20, 65, 65, 109, 109)]
    assert len({due.part for _, due in calls}) == 6


def test_bottles_that_stand_are_found_one_by_one(shared_data):
    # No belt: hands put three bottles on a table and take them away. So the finder alone is checked, on frames
    # without a hand, each looked at. No frame is empty; the empty table is put together from its left in frames 575
    # to 640 and its right in 985 to 1045. Frames with hands and their shadows in them cannot be counted this way.
    images = frames_of(shared_data / "video" / "bottle-detection.mp4", 1171)
    table = [
        np.hstack([left[:, :430], right[:, 430:]])
        for left, right in zip(images[575:640:3], images[985:1045:3], strict=False)
    ]
    finder = Finder(Calibration.fit(table), PartsOptions(split=False))
    by_hand = {10: 3, 250: 2, 440: 3, 600: 1, 770: 2, 880: 3, 975: 2, 1020: 2, 1170: 3}
    assert {number: len(finder.find(images[number])) for number in by_hand} == by_hand
