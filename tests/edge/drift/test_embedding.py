from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.drift.embedding import DRAWS, Embedding
from edge.errors import ArtifactError, ConversionError


def samples(n: int, seed: int, moved: float = 0.0, wider: float = 1.0) -> NDArray[np.float64]:
    """In 24 dimensions, of which 20 say something."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(0).normal(0, 1, (20, 24))
    return (wider * rng.normal(0, 1, (n, 20)) + moved) @ mix


@pytest.fixture(scope="module")
def embedding() -> Embedding:
    return Embedding.fit(samples(800, seed=1), window=100)


def test_shards_in_any_split_add_up_to_the_sums_of_all(embedding: Embedding) -> None:
    table = samples(97, seed=2)

    parts = sum((embedding.sums(part) for part in np.array_split(table, 13)), np.zeros(embedding.size, np.int64))

    assert np.array_equal(parts, embedding.sums(table))
    assert parts.dtype == np.int64


def test_undisturbed_windows_look_like_those_drawn_from_the_reference(embedding: Embedding) -> None:
    found = [embedding.p_values(embedding.sums(samples(100, seed))) for seed in range(100, 200)]

    for name in ("hotelling", "mmd"):
        values = np.array([getattr(one, name) for one in found])
        assert (values <= 0.05).mean() <= 0.12
        assert values.min() >= 1 / (DRAWS + 1)


def test_a_moved_embedding_is_far_in_both_measures(embedding: Embedding) -> None:
    assert max(embedding.p_values(embedding.sums(samples(100, 3, moved=0.5)))) < 0.01


def test_a_wider_one_has_the_same_mean_and_a_larger_mmd(embedding: Embedding) -> None:
    wide = embedding.sums(samples(100, 3, wider=2.0))
    assert embedding.p_values(wide).mmd < 0.01
    assert np.trace(embedding.covariance(wide)) > 3 * len(embedding.covariance(wide))


def test_over_the_reference_the_components_have_mean_zero_and_variance_one(embedding: Embedding) -> None:
    sums = embedding.sums(samples(800, seed=1))
    assert embedding.distances(sums).hotelling < 1e-3
    assert embedding.covariance(sums) == pytest.approx(np.eye(16), abs=0.01)


def test_rows_that_are_not_finite_are_left_out_and_no_rows_are_no_distance(embedding: Embedding) -> None:
    table = samples(3, seed=2)
    table[1, 5] = np.nan
    assert embedding.sums(table)[0] == 2
    assert embedding.distances(embedding.sums(np.empty((0, 24)))) == (0.0, 0.0)


def test_what_does_not_fit_is_refused(embedding: Embedding) -> None:
    with pytest.raises(ArtifactError, match="expected 24 numbers"):
        embedding.sums(np.ones((2, 23)))
    with pytest.raises(ConversionError, match="n ≥ 2"):
        Embedding.fit(np.ones((1, 3)), window=10)
