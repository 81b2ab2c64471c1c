from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.inference.parts.motion import Motion
from edge.inference.parts.tracker import Tracker

WIDTH, HEIGHT = 160, 60


@st.composite
def belts(draw):
    """Speed, the parts' places along the belt, whether each is missed in each frame, and jitter's seed."""
    speed = draw(st.floats(4, 15))
    gaps = draw(st.lists(st.floats(36, 90), min_size=1, max_size=6))
    missed = draw(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 40)), max_size=8))
    return speed, -20 - np.cumsum(gaps), missed, draw(st.integers(0, 99))


@settings(max_examples=60)
@given(belts())
@example((13.875, np.array([-97.0, -133.0, -223.0, -259.0]), {(2, 17)}, 0))  # missed when half of it had come in
def test_each_part_has_one_number_in_order_and_moves_one_way(belt):
    speed, places, missed, seed = belt
    rng = np.random.default_rng(seed)
    tracker = Tracker(WIDTH, HEIGHT, Motion())
    owner: dict[int, int] = {}
    last: dict[int, float] = {}
    gone: list[int] = []
    for number in range(int((WIDTH - places[-1] + 60) / speed)):
        centres = places + speed * number
        seen = [k for k, x in enumerate(centres) if -13 < x < WIDTH + 13 and (k, number % 41) not in missed]
        boxes = np.array([(centres[k] - 15, 15, centres[k] + 15, 45) for k in seen], np.float32).reshape(-1, 4)
        boxes = np.clip(boxes + rng.uniform(-0.5, 0.5, boxes.shape), 0, (WIDTH, HEIGHT) * 2).astype(np.float32)
        tracker.update(boxes)
        gone += [track.part for track in tracker.gone]
        numbers = [track.part for track in tracker.tracks if track.part >= 0]
        assert len(numbers) == len(set(numbers))
        assert not set(numbers) & set(gone)
        for track in tracker.tracks:
            if track.part < 0 or track.missed or not tracker.whole(track.box):
                continue
            nearest = int(np.abs(centres - track.centre[0]).argmin())
            assert abs(centres[nearest] - track.centre[0]) < 8
            assert owner.setdefault(track.part, nearest) == nearest
            assert track.centre[0] > last.get(track.part, -np.inf) - 2
            last[track.part] = float(track.centre[0])
    assert len(set(owner.values())) == len(owner)
    assert sorted(owner) == [part for part, _ in sorted(owner.items(), key=lambda item: item[1])]
    assert len(gone) == len(set(gone))
    if not missed:
        assert sorted(owner.values()) == list(range(len(places)))
