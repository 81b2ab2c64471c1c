"""Artifacts of models that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.interpreter.setup import Setup
from edge.rehearsal.child import Cast, Player


@pytest.fixture
def cast(faulty: Callable[..., Path]) -> Callable[..., Cast]:
    """``cast("hangs")``: that model beside the one that is as it should be."""

    def make(name: str, active: str = "plain") -> Cast:
        return Cast(Player(faulty(active), Setup()), Player(faulty(name), Setup()), ("red",), 0.0)

    return make
