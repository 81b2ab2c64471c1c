from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.drift.multivariate import PrincipalComponents, ks_bonferroni, mmd, pca_ks


def rows(n: int, seed: int, moved: float = 0.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (n, 12)) * np.linspace(3, 0.1, 12) + moved * np.linspace(1, 0, 12)


def test_the_smallest_p_value_is_named_and_multiplied() -> None:
    first, second = rows(300, 1), rows(200, 2)
    second[:, 4] += 2.0

    found = ks_bonferroni(first, second)

    assert found.column == 4
    assert found.p_value == 12 * found.outcomes[4].p_value
    assert ks_bonferroni(first, first).p_value == 1.0
    with pytest.raises(ValueError, match="same columns"):
        ks_bonferroni(first, second[:, :3])


@pytest.mark.parametrize("test", [pca_ks, lambda a, b: ks_bonferroni(a, b), lambda a, b: mmd(a[:60], b[:40], 99)])
def test_level_and_power(test) -> None:
    quiet = [test(rows(200, 2 * seed), rows(100, 2 * seed + 1)).p_value <= 0.05 for seed in range(40)]
    moved = [test(rows(200, 2 * seed), rows(100, 2 * seed + 1, 3.0)).p_value <= 0.05 for seed in range(5)]

    assert sum(quiet) <= 7  # 2 expected; more than 7 has a probability of 0.1 % at the stated level
    assert all(moved)


def test_mmd_sees_what_no_single_column_shows() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1, (150, 2))
    light = rng.normal(0, 1, 150)
    second = np.stack([light, light], axis=1)

    assert ks_bonferroni(first, second).p_value > 0.05
    assert mmd(first, second).p_value < 0.01


def test_mmd_is_the_textbook_estimate() -> None:
    first, second = rows(7, 1), rows(5, 2)
    every = np.concatenate([first, second])
    squares = ((every[:, None] - every[None]) ** 2).sum(axis=2)
    kernel = np.exp(-squares / np.median(squares[np.triu_indices(12, 1)]))
    a, b, across = kernel[:7, :7], kernel[7:, 7:], kernel[:7, 7:]

    expected = (a.sum() - 7) / 42 + (b.sum() - 5) / 20 - 2 * across.mean()

    assert mmd(first, second, 10).statistic == pytest.approx(expected, abs=1e-12)
    assert mmd(first, second[:1]) == (0.0, 1.0)


def test_the_first_component_is_the_direction_of_largest_variance() -> None:
    projection = PrincipalComponents.fit(rows(2000, 1), 3)

    assert projection(rows(10, 2)).shape == (10, 3)
    assert abs(projection.axes[0, 0]) > 0.98
