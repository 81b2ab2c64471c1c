from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.finetune.pruning import RISING, masks, share_at


@given(st.floats(0, 0.99), st.integers(0, 2**32 - 1))
def test_exactly_the_share_asked_for_is_blotted_out(share: float, seed: int):
    rng = np.random.default_rng(seed)
    kernels = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 3, 3, 2), (1, 3, 3, 5), (3, 7))]
    made = masks(kernels, share)
    assert [one.shape for one in made] == [one.shape for one in kernels]
    assert sum(int((one == 0).sum()) for one in made) == round(share * sum(one.size for one in kernels))


def test_equal_weights_are_blotted_out_in_their_order():
    (made,) = masks([np.ones((2, 4), np.float32)], 0.5)
    assert made.tolist() == [[0, 0, 0, 0], [1, 1, 1, 1]]


def test_a_layer_of_small_numbers_is_not_emptied():
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=(2, 1000)).astype(np.float32)
    first, second = masks([small / 100, large], 0.5)
    assert first.mean() == pytest.approx(second.mean(), abs=0.05)


def test_the_share_rises_and_then_stays():
    shares = [share_at(done, 0.8) for done in np.linspace(0, 1, 21)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert share_at(RISING, 0.8) == share_at(1.0, 0.8) == pytest.approx(0.8)
