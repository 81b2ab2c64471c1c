from __future__ import annotations

import numpy as np

from converter.finetune.augment import augment


def test_pictures_stay_pictures_and_follow_the_seed():
    pictures = np.random.default_rng(0).integers(0, 256, (16, 12, 20, 3)).astype(np.uint8)
    one, other = (augment(pictures, np.random.default_rng(3)) for _ in range(2))
    assert one.shape == pictures.shape
    assert one.dtype == np.float32
    assert (one == np.round(one)).all()
    assert one.min() >= 0
    assert one.max() <= 255
    assert (one == other).all()
    assert (one != augment(pictures, np.random.default_rng(4))).any()


def test_some_are_mirrored_and_none_is_moved_far():
    """A bright column, dark elsewhere, far from the middle."""
    pictures = np.zeros((64, 32, 32, 1), np.uint8)
    pictures[:, :, 8] = 200
    columns = augment(pictures, np.random.default_rng(0)).mean(axis=(1, 3)).argmax(axis=1)
    left = columns < 16
    assert 16 < left.sum() < 48
    assert np.abs(columns[left] - 8).max() <= 2
    assert np.abs(columns[~left] - 23).max() <= 2
