"""Picture memory is used again, and never while somebody looks at it."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.inference.frames import Image
from edge.inference.frames.pool import MOST, Pool


class Reader:
    """Writes its count into the array it is given, as OpenCV does, or into a new one when the size is another."""

    def __init__(self) -> None:
        self.count = 0
        self.size = (4, 6)
        self.made = 0

    def __call__(self, image: Image | None) -> tuple[bool, Any]:
        self.count += 1
        if image is None or image.shape[:2] != self.size:
            self.made += 1
            image = np.empty((*self.size, 3), np.uint8)
        image[...] = self.count
        return True, image


def test_memory_is_used_again_once_nobody_holds_the_picture() -> None:
    pool, read = Pool(), Reader()
    places = {id(pool.fill(read)) for _ in range(20)}
    assert len(places) <= 2
    assert read.made == 1


def test_a_crop_holds_its_picture() -> None:
    pool, read = Pool(), Reader()
    picture = pool.fill(read)
    assert picture is not None
    crop = picture[1:2, 1:2]
    del picture
    for _ in range(30):
        pool.fill(read)
    assert crop[0, 0].tolist() == [1, 1, 1]


def test_another_size_begins_anew() -> None:
    pool, read = Pool(), Reader()
    before = pool.fill(read)
    read.size = (8, 2)
    after = [pool.fill(read) for _ in range(5)]
    assert before is not None
    assert before.shape == (4, 6, 3)
    assert {image.shape for image in after if image is not None} == {(8, 2, 3)}


def test_no_picture_is_none() -> None:
    assert Pool().fill(lambda image: (False, None)) is None


@given(st.lists(st.one_of(st.just("read"), st.integers(0, 40))))
def test_a_picture_that_is_held_never_changes(moves: list[str | int]) -> None:
    pool, read = Pool(), Reader()
    held: dict[int, Image] = {}
    for move in moves:
        if move == "read":
            image = pool.fill(read)
            assert image is not None
            held[read.count] = image
        elif held:
            held.pop(sorted(held)[int(move) % len(held)])
        assert all((image == count % 256).all() for count, image in held.items())
    assert len(pool._arrays) <= MOST
