"""The gate: one contract over all kinds."""

from __future__ import annotations

import numpy as np
import pytest

from edge.artifact.manifest import OutputSpec
from edge.decide import Decision
from edge.errors import ConfigError
from edge.gate import SimulatedGate, open_gate
from edge.judgement import Judgement


def judgement(part: int, reject: bool) -> Judgement:
    return Judgement(
        0, part, 0, 0, 0, Decision("x", 0, 1.0, reject, np.ones(1, np.float32), OutputSpec(1, "float32"))
    )


@pytest.mark.parametrize("uri", ["none", "sim://"])
def test_any_gate_takes_decisions_and_may_be_closed_twice(uri: str) -> None:
    gate = open_gate(uri)
    for part in range(10):
        gate.act(judgement(part, reject=part % 2 == 0))
    gate.close()
    gate.close()


def test_the_simulated_gate_remembers_what_it_blew_off() -> None:
    gate = SimulatedGate()
    for part in range(3000):
        gate.act(judgement(part, reject=part % 2 == 0))
    assert (gate.fired, gate.passed) == (1500, 1500)
    assert list(gate.last) == list(range(1000, 3000, 2))


def test_an_unknown_gate_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no such kind; did you mean 'sim://'"):
        open_gate("sim:/")
