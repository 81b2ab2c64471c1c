"""When a new model on the line has proved itself, and what sends it back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.device.config import SlotsConfig
from edge.device.deployment.canary import Baseline, Canary
from edge.device.health import Distribution, LatencyHistogram
from edge.device.pipeline import Accounts, JudgedPart
from edge.inference.artifact.manifest import OutputSpec
from edge.inference.judgement import Judgement
from edge.inference.tasks.classification import Decision

LIMITS = SlotsConfig(trial_frames=200, trial_s=10.0, reject_change=0.1)
DECISION = Decision("x", 0, 1.0, False, np.ones(1, np.float32), OutputSpec(1, "float32"))
REJECT = Decision("x", 0, 1.0, True, np.ones(1, np.float32), OutputSpec(1, "float32"))


def judged(latency_ms: float = 10.0, reject: bool = False, generation: int = 1, camera: int = 0) -> JudgedPart:
    decision = REJECT if reject else DECISION
    return JudgedPart(Judgement(camera, 0, 0, 0, 0, decision), int(latency_ms * 1000), (), generation)


def latencies(ms: float, n: int = 1000) -> Distribution:
    histogram = LatencyHistogram()
    for _ in range(n):
        histogram.add(int(ms * 1000))
    return histogram.copy()


def accounts(captured: int = 1000, **dropped: int) -> Accounts:
    made = Accounts(captured=captured)
    made.dropped.update(dropped)
    return made


@pytest.fixture
def trial() -> Canary:
    return Canary(1, LIMITS, [100.0], Baseline(accounts(), latencies(10), 1000, 150), 0.0)


def see(trial: Canary, n: int, make: Callable[[int], JudgedPart]) -> None:
    for number in range(n):
        trial.see(make(number))


def test_a_model_that_does_well_is_good_after_as_many_parts_as_are_set(trial: Canary) -> None:
    see(trial, 199, lambda n: judged(reject=n % 7 == 0))
    assert trial.verdict(accounts(1199), 1.0).state == "going on"
    trial.see(judged())
    assert trial.verdict(accounts(1200), 1.0).state == "good"


def test_a_slow_line_is_tried_for_the_time_that_is_set_but_never_on_a_few_parts(trial: Canary) -> None:
    see(trial, 29, lambda n: judged(reject=n % 7 == 0))
    assert trial.verdict(accounts(1029), 99.0).state == "going on"
    trial.see(judged())
    assert trial.verdict(accounts(1030), 9.0).state == "going on"
    assert trial.verdict(accounts(1030), 10.0).state == "good"


def test_records_of_the_model_before_it_are_not_counted(trial: Canary) -> None:
    see(trial, 500, lambda n: judged(generation=0))
    assert trial.parts == 0


def test_a_frame_that_the_runtime_refuses_ends_the_trial_at_once(trial: Canary) -> None:
    verdict = trial.verdict(accounts(1003, failed=2), 0.1)
    assert (verdict.state, verdict.reason) == ("bad", "the runtime refused 2 frames")


def test_so_does_a_picture_that_went_to_the_model_before_it(trial: Canary) -> None:
    verdict = trial.verdict(accounts(1003), 0.1, 1)
    assert (verdict.state, verdict.reason) == ("bad", "the runtime refused 1 frame")


def test_late_decisions_end_it(trial: Canary) -> None:
    see(trial, 100, lambda n: judged(latency_ms=150 if n % 5 == 0 else 20))
    verdict = trial.verdict(accounts(1100), 0.1)
    assert (verdict.state, verdict.reason) == ("bad", "20.0% of 100 decisions came after the deadline of 100 ms")


def test_a_line_that_is_always_late_is_not_the_new_models_fault() -> None:
    trial = Canary(1, LIMITS, [100.0], Baseline(accounts(), latencies(150), 1000, 0), 0.0)
    see(trial, 200, lambda n: judged(latency_ms=150))
    assert trial.verdict(accounts(1200), 1.0).state == "good"


def test_each_camera_has_its_own_deadline() -> None:
    trial = Canary(1, LIMITS, [100.0, 500.0], None, 0.0)
    see(trial, 200, lambda n: judged(latency_ms=300, camera=1))
    assert trial.verdict(accounts(1200), 1.0).state == "good"


def test_dropped_frames_end_it(trial: Canary) -> None:
    see(trial, 60, lambda n: judged())
    assert trial.verdict(accounts(1050, overrun=20), 1.0).state == "going on"
    verdict = trial.verdict(accounts(1100, overrun=40), 2.0)
    assert (verdict.state, verdict.reason) == ("bad", "too slow: 20% of 100 frames were dropped, before it 0%")


def test_one_pause_of_the_machine_does_not(trial: Canary) -> None:
    see(trial, 200, lambda n: judged())
    for tenths in range(1, 30):
        verdict = trial.verdict(accounts(1000 + 9 * tenths, overrun=60 if tenths > 14 else 0), tenths / 10)
        assert verdict.state != "bad"


def test_rejecting_far_more_or_far_fewer_parts_ends_it(trial: Canary) -> None:
    see(trial, 100, lambda n: judged(reject=n % 2 == 0))
    verdict = trial.verdict(accounts(1100), 0.1)
    assert (verdict.state, verdict.reason) == ("bad", "rejects 50% of 100 parts, the model before it 15%")


def test_what_chance_does_to_few_parts_is_no_objection(trial: Canary) -> None:
    see(trial, 30, lambda n: judged(reject=n % 3 == 0))
    assert trial.verdict(accounts(1030), 0.1).state == "going on"


def test_without_a_model_before_it_only_its_own_faults_count() -> None:
    trial = Canary(1, LIMITS, [100.0], None, 0.0)
    see(trial, 200, lambda n: judged(reject=True))
    assert trial.verdict(accounts(200), 1.0).state == "good"
    assert trial.verdict(accounts(200, failed=1), 1.0).state == "bad"
