"""The random sample."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.audit.draw import Draw

IDS = 100_000


@pytest.fixture(scope="module")
def draws() -> list[float]:
    draw = Draw("line-1", "000001-abc", "top")
    return [draw(part) for part in range(IDS)]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.99])
def test_the_share_is_kept_within_binomial_bounds(draws: list[float], share: float) -> None:
    hits = sum(draw < share for draw in draws)
    assert abs(hits - IDS * share) < 4 * math.sqrt(IDS * share * (1 - share))


def test_neighbours_are_drawn_independently(draws: list[float]) -> None:
    both = sum(first < 0.1 and second < 0.1 for first, second in itertools.pairwise(draws))
    assert abs(both - IDS * 0.01) < 4 * math.sqrt(IDS * 0.01 * 0.99)


def test_other_cameras_boots_and_devices_draw_other_parts(draws: list[float]) -> None:
    own = {part for part, draw in enumerate(draws) if draw < 0.1}
    for names in (("line-1", "000001-abc", "side"), ("line-1", "000002-abc", "top"), ("line-2", "000001-abc", "top")):
        draw = Draw(*names)
        shared = sum(draw(part) < 0.1 for part in own)
        assert abs(shared - len(own) * 0.1) < 4 * math.sqrt(len(own) * 0.09)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.integers(0, 2**64 - 1))
def test_every_replica_draws_the_same(device: str, boot: str, camera: str, part: int) -> None:
    draw = Draw(device, boot, camera)
    first = draw(part)
    assert 0 <= first < 1
    assert draw(part) == Draw(device, boot, camera)(part) == first


def test_the_draw_is_the_same_on_every_machine_and_in_every_version() -> None:
    assert Draw("line-1", "000001-abc", "top")(7) == 0.39353589232722175
