"""Artifacts of models that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.device.deployment.shadow.worker import ModelSpec, ShadowModels
from edge.inference.interpreter.setup import Delegate, Setup


@pytest.fixture
def cast(faulty: Callable[..., Path], fault_delegate: str) -> Callable[..., ShadowModels]:
    """``cast("stalls")``: that model beside the one that is as it should be."""

    def make(name: str, active: str = "plain") -> ShadowModels:
        setup = Setup(delegate=Delegate.parse(fault_delegate))
        return ShadowModels(ModelSpec(faulty(active), setup), ModelSpec(faulty(name), setup), ("red",), 0.0)

    return make
