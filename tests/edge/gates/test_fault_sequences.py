"""Random sequences of faults: whatever happens to requests, answers, links and the process, no output is left on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.inference.judgement import Judgement
from tests.edge.gates.simulated_line import play
from tests.edge.gates.simulated_plc import FAULTS, SimulatedPlc

EXAMPLES = int(os.environ.get("EDGE_FAULT_SEQUENCES", "300"))
ACTIONS = st.tuples(
    st.sampled_from(["part", "part", "part", "wait", "stop", "stop meanwhile", "off meanwhile"]),
    st.sampled_from([0, 1, 10, 99, 119, 120, 121, 300, 600, 1200]),
    st.lists(st.sampled_from(FAULTS), max_size=3),
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A thousand lines of a log say nothing about the one that fails."""
    log = logging.getLogger("edge.gates")
    level = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(level)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    script=st.lists(ACTIONS, min_size=1, max_size=8),
    is_rtu=st.booleans(),
    coil=st.booleans(),
    watched=st.booleans(),
    pulse_ms=st.sampled_from([20, 5000]),
)
def test_no_output_is_left_on(
    judgement: Callable[..., Judgement],
    script: list[tuple[str, int, list[str]]],
    is_rtu: bool,
    coil: bool,
    watched: bool,
    pulse_ms: int,
) -> None:
    play(SimulatedPlc(is_rtu=is_rtu, coil=coil), judgement, script, watched=watched, pulse_ms=pulse_ms).check()
