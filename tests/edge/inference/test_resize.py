"""Resizing by the model's own rule."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.choices import Interpolation, Resize
from edge.inference.frames.frame import Image
from edge.inference.resize import Resizer
from edge.sim import SimulatedLine


def resized(image: Image, height: int, width: int, rule: Resize, interpolation: Interpolation) -> Image:
    out = np.full((height, width, 3), 7, np.uint8)
    Resizer(height, width, rule, interpolation)(image, out)
    return out


@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    target=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    rule=st.sampled_from(["stretch", "crop", "letterbox"]),
    interpolation=st.sampled_from(["area", "linear", "mipmap"]),
    level=st.integers(1, 255),
)
def test_a_plain_picture_stays_plain_whatever_the_sizes(
    size: tuple[int, int], target: tuple[int, int], rule: Resize, interpolation: Interpolation, level: int
) -> None:
    out = resized(np.full((*size, 3), level, np.uint8), *target, rule, interpolation)
    assert set(np.unique(out)) <= ({level, 0} if rule == "letterbox" else {level})
    assert level in out


@cache
def part() -> Image:
    return SimulatedLine.from_uri("sim://line?width=640&height=480&noise=0").image(2)


@pytest.mark.parametrize("size", [(480, 640), (481, 643), (720, 1280), (240, 320), (300, 400)])
@pytest.mark.parametrize("target", [96, 224])
def test_mipmap_is_close_to_the_exact_mean(size: tuple[int, int], target: int) -> None:
    image = cv2.resize(part(), size[::-1])
    exact = resized(image, target, target, "stretch", "area").astype(int)
    assert np.abs(resized(image, target, target, "stretch", "mipmap") - exact).mean() < 1.0


def test_mipmap_averages_noise_away_where_linear_picks_single_pixels() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (768, 768, 3), np.uint8)
    assert resized(noise, 96, 96, "stretch", "linear").std() > 35
    assert resized(noise, 96, 96, "stretch", "mipmap").std() < 12


def test_the_same_resizer_takes_frames_of_changing_size() -> None:
    resizer, out = Resizer(32, 32, "stretch", "mipmap"), np.zeros((32, 32, 3), np.uint8)
    for size in ((480, 640), (100, 90), (480, 640), (33, 31)):
        resizer(np.full((*size, 3), size[0] % 256, np.uint8), out)
        assert (out == size[0] % 256).all()
