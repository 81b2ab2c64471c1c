"""The numbers that a simulated fleet's parts are made of."""

from __future__ import annotations

import numpy as np
import pytest

from edge.drift import judge
from edge.sim.fleet import Population


def sample_of(population: Population, seed: int = 0, **changes: object):
    shift = changes.get("shift", {})
    return population.sample(np.random.default_rng(seed), 400, shift, changes.get("defects"))


def test_undisturbed_parts_do_not_drift(population: Population):
    panes = [population.pane(sample_of(population, seed), "", 0) for seed in range(30)]
    assert not any(judge(pane, alpha=0.001).drifted for pane in panes)


def test_a_feature_moves_by_the_deviations_that_were_asked_for(population: Population):
    sample = sample_of(population, shift={"brightness": -3.0})
    place = population.reference.index("brightness")
    column = population.reference.columns[place]
    assert sample.features[:, place].mean() == pytest.approx(column.mean - 3 * column.std, abs=0.3 * column.std)
    verdict = judge(population.pane(sample, "", 0), alpha=0.001)
    assert verdict.drifted
    assert [c.name for c in verdict.columns if c.drifted] == ["brightness"]
    assert verdict.columns[0].shift == pytest.approx(-1.0, abs=0.1)


def test_a_share_of_defects_is_a_drift_of_the_target(population: Population):
    sample = sample_of(population, defects=0.6)
    assert (sample.labels > 0).mean() == pytest.approx(0.6, abs=0.08)
    assert judge(population.pane(sample, "", 0), alpha=0.001).kind == "target"


def test_scores_are_those_of_the_predicted_label(population: Population):
    sample = sample_of(population)
    assert (sample.scores.argmax(axis=1) == sample.labels).all()
    assert np.allclose(sample.scores.sum(axis=1), 1.0)


def test_a_seed_draws_the_same_line_again(population: Population):
    again = Population.draw_line(seed=1, size=120)
    assert again.reference.digest == population.reference.digest
