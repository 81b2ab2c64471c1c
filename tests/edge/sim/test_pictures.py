"""What the pictures show: defects are visible, and light, lens and sensor do what they are told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.inference.frames.frame import Image
from edge.sim import LABELS, SimulatedLine

PARTS = range(8)


@pytest.fixture(scope="module")
def line() -> SimulatedLine:
    return SimulatedLine.from_uri("sim://line?seed=4")


def golden(image: Image) -> float:
    """Share of pixels with the colour of baked dough: far more red than blue."""
    return float((image[..., 2].astype(int) - image[..., 0] > 60).mean())


def dark(image: Image) -> float:
    """Share of pixels that are as dark as chocolate, charcoal or the inside of a crack."""
    return float((image.max(axis=-1) < 90).mean())


def sharpness(image: Image) -> float:
    return float(cv2.Laplacian(image[20:-20], cv2.CV_32F).std())


@settings(max_examples=5)
@given(seed=st.integers(0, 2**63 - 1))
def test_every_defect_changes_what_the_part_looks_like(seed: int):
    line = SimulatedLine.from_uri(f"sim://line?seed={seed}")
    whole = line.image(0, "whole").astype(int)
    for kind in LABELS[1:]:
        changed = np.abs(line.image(0, kind) - whole).max(axis=-1) > 40
        assert changed.mean() > 0.003, kind


def test_a_crack_is_a_dark_line(line: SimulatedLine):
    for part in PARTS:
        whole, cracked = line.image(part, "whole"), line.image(part, "cracked")
        assert 0.0005 < dark(cracked) - dark(whole) < 0.02
        assert golden(cracked) > 0.9 * golden(whole)


def test_a_burnt_part_is_much_darker(line: SimulatedLine):
    for part in PARTS:
        assert line.image(part, "burnt").mean() < line.image(part, "whole").mean() - 5


def test_a_broken_part_lacks_a_piece(line: SimulatedLine):
    for part in PARTS:
        left = golden(line.image(part, "broken")) / golden(line.image(part, "whole"))
        assert 0.5 < left < 0.95


def test_a_part_without_topping_has_no_chips(line: SimulatedLine):
    for part in PARTS:
        whole, bare = line.image(part, "whole"), line.image(part, "missing_topping")
        assert dark(bare) < dark(whole) - 0.004
        assert golden(bare) > golden(whole) * 1.02


def test_whole_parts_differ_in_size_tone_and_place(line: SimulatedLine):
    images = [line.image(part, "whole") for part in range(20)]
    sizes = [golden(image) for image in images]
    assert np.std(sizes) > 0.03 * np.mean(sizes)
    middles = [np.argwhere(image[..., 2].astype(int) - image[..., 0] > 60).mean(axis=0) for image in images]
    assert np.all(np.std(middles, axis=0) > 2)
    assert np.all(np.abs(np.mean(middles, axis=0) - [120, 160]) < 12)


def test_light_is_a_gain_of_the_pixel_values():
    line = SimulatedLine.from_uri("sim://line?at=3:light=0.5")
    steady = SimulatedLine.from_uri("sim://line")
    for part, gain in ((2, 1.0), (3, 0.5), (9, 0.5)):
        assert line.image(part).mean() / steady.image(part).mean() == pytest.approx(gain, rel=0.01)


def test_too_much_light_clips():
    assert SimulatedLine.from_uri("sim://line?light=4").image(0).max() == 255


def test_blur_takes_the_detail_away():
    still, blurred = (SimulatedLine.from_uri(f"sim://line?noise=0&blur={blur}") for blur in (0, 2))
    assert sharpness(blurred.image(1)) < 0.4 * sharpness(still.image(1))
    assert blurred.image(1).mean() == pytest.approx(still.image(1).mean(), rel=0.01)


@pytest.mark.parametrize("sigma", [3, 10])
def test_noise_has_the_deviation_asked_for(sigma: int):
    clean, noisy = (SimulatedLine.from_uri(f"sim://line?noise={noise}") for noise in (0, sigma))
    difference = noisy.image(6).astype(int) - clean.image(6)
    assert difference.std() == pytest.approx(sigma, rel=0.05)
    assert abs(difference.mean()) < 0.1 * sigma


def test_noise_differs_from_frame_to_frame():
    clean, noisy = (SimulatedLine.from_uri(f"sim://line?noise={noise}") for noise in (0, 5))
    one, two = (noisy.image(i).astype(int) - clean.image(i) for i in (0, 1))
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.05


def test_a_colour_cast_scales_blue_green_and_red():
    plain, cast = (SimulatedLine.from_uri(f"sim://line?cast={gains}") for gains in ("1,1,1", "1.1,1,0.7"))
    ratio = cast.image(2).mean(axis=(0, 1)) / plain.image(2).mean(axis=(0, 1))
    assert ratio == pytest.approx([1.1, 1.0, 0.7], rel=0.01)
