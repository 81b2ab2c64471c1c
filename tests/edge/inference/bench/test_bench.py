"""Measuring one artifact, for real and briefly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ArtifactError
from edge.inference.artifact import Artifact
from edge.inference.artifact.describe import Given
from edge.inference.bench import Times, bench, setups_for
from edge.inference.interpreter import Delegate, Setup, Wanted, usable_runtimes
from edge.inference.interpreter.machine import cores

RUNTIMES = [runtime.name for runtime in usable_runtimes()]


def test_each_runtime_is_measured_in_all_respects(artifact: Path) -> None:
    result = bench(Artifact.load(artifact), Given(), setups_for(Wanted()), (64, 48), 0.1)
    assert [row.setup.runtime for row in result.rows] == RUNTIMES
    for row in result.rows:
        assert 0 < row.invoke.p50_ms < row.decision.p50_ms < 1000
        assert 0 < row.preprocess.p50_ms < row.decision.p50_ms
        assert row.decision.p50_ms <= row.decision.p99_ms
        assert 50 < row.start_ms < 60_000
        assert 20 < row.memory_mb < 1000
        assert row.frames >= 2
    assert [measured.p50_ms for measured in result.measured] == [row.decision.p50_ms for row in result.rows]


def test_a_set_up_that_brings_the_interpreter_down_is_left_out_with_the_reason(
    artifact: Path, delegate_library: Path
) -> None:
    dying = Setup("litert", delegate=Delegate.parse(f"{delegate_library}?abort=yes"))
    result = bench(Artifact.load(artifact), Given(), [dying, Setup("litert")], (64, 48), 0.05)
    assert [row.setup for row in result.rows] == [Setup("litert")]
    assert [failed.setup for failed in result.failed] == [dying]
    assert "SIGABRT" in result.failed[0].reason


def test_where_nothing_runs_the_reason_is_the_error(artifact: Path, delegate_library: Path) -> None:
    with pytest.raises(ArtifactError, match="does not start: fail=no device"):
        failing = Setup("litert", delegate=Delegate.parse(f"{delegate_library}?fail=no+device"))
        bench(Artifact.load(artifact), Given(), [failing], (64, 48), 0.05)
    with pytest.raises(ArtifactError, match="no runtime here fits what is asked for"):
        bench(Artifact.load(artifact), Given(), [])


def test_tuning_tries_all_ways_that_are_allowed() -> None:
    delegate = Delegate("a.so")
    every = setups_for(Wanted(), (delegate,), tune=True)
    assert len(every) == len(set(every)) == len(RUNTIMES) * cores() * 2 * 2
    assert {setup.threads for setup in every} == set(range(1, cores() + 1))
    one = setups_for(Wanted(RUNTIMES[0], 1, False, delegate), (delegate,), tune=True)
    assert one == [Setup(RUNTIMES[0], 1, False, delegate)]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=200))
def test_p99_lies_between_p50_of_some_stretch_and_the_longest(taken: list[int]) -> None:
    times = Times.of(taken)
    assert min(taken) / 1e6 - 1e-4 <= times.p50_ms <= max(taken) / 1e6 + 1e-4
    assert times.p99_ms <= max(taken) / 1e6 + 1e-4


def test_one_disturbance_does_not_decide_p99() -> None:
    assert Times.of([1_000_000] * 500 + [90_000_000] * 5).p99_ms == 1.0
    assert Times.of([1_000_000, *[1_000_000] * 48, 90_000_000] * 10).p99_ms > 40
