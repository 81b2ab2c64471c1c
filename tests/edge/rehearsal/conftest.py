"""Artifacts of models that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.interpreter.setup import Delegate, Setup
from edge.rehearsal.child import Cast, Player


@pytest.fixture
def cast(faulty: Callable[..., Path], fault_delegate: str) -> Callable[..., Cast]:
    """``cast("stalls")``: that model beside the one that is as it should be."""

    def make(name: str, active: str = "plain") -> Cast:
        setup = Setup(delegate=Delegate.parse(fault_delegate))
        return Cast(Player(faulty(active), setup), Player(faulty(name), setup), ("red",), 0.0)

    return make
