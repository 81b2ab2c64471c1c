"""A small population, drawn once."""

from __future__ import annotations

import pytest

from edge.sim.fleet import Population


@pytest.fixture(scope="session")
def population() -> Population:
    return Population.draw_line(seed=1, size=120)
