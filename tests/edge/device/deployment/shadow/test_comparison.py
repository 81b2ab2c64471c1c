"""What speaks against a new model, measured beside the active one."""

from __future__ import annotations

import pytest

from edge.device.config import SlotsConfig
from edge.device.deployment.shadow import ShadowAnswer, ShadowComparison

LIMITS = SlotsConfig(min_agreement=0.9, max_latency_ratio=3.0, reject_change=0.1)
WELL = ShadowAnswer("whole", False, 2000)


def compared(*pairs: tuple[ShadowAnswer, ShadowAnswer], times: int = 1) -> ShadowComparison:
    comparison = ShadowComparison()
    for active, new in pairs * times:
        comparison.add(active, new)
    return comparison


def test_nothing_speaks_against_a_model_that_does_the_same() -> None:
    comparison = compared((WELL, WELL), times=50)
    assert comparison.objection(LIMITS, 100) == ""
    assert (comparison.n, comparison.agreement, comparison.ms) == (50, 1.0, (2.0, 2.0))


def test_nothing_was_seen_nothing_speaks_against_it() -> None:
    assert ShadowComparison().objection(LIMITS, 100) == ""


@pytest.mark.parametrize(("wrong", "refused"), [(9, False), (10, False), (11, True)])
def test_as_many_labels_must_agree_as_is_set(wrong: int, refused: bool) -> None:
    comparison = compared((WELL, WELL), times=100 - wrong)
    for _ in range(wrong):
        comparison.add(WELL, ShadowAnswer("burnt", False, 2000))
    objection = comparison.objection(LIMITS, 100)
    assert bool(objection) == refused
    if refused:
        assert objection == (
            "agrees with the active model on 89% of 100 pictures, at least 90% are expected; it also says burnt"
        )


@pytest.mark.parametrize(
    ("active_us", "new_us", "deadline_ms", "said"),
    [
        (1000, 4900, 100, ""),
        (1000, 5100, 100, "too slow: 5.1 ms a picture, at most 5.0; the active one takes 1.0"),
        (10_000, 29_000, 100, ""),
        (10_000, 31_000, 100, "too slow: 31.0 ms a picture, at most 30.0"),
        (10_000, 21_000, 20, "too slow: every tenth picture takes 21.0 ms, past the deadline of 20 ms"),
    ],
)
def test_it_may_take_some_times_as_long_but_never_past_the_deadline(
    active_us: int, new_us: int, deadline_ms: float, said: str
) -> None:
    comparison = compared((ShadowAnswer("a", False, active_us), ShadowAnswer("a", False, new_us)), times=20)
    assert comparison.objection(LIMITS, deadline_ms).startswith(said)
    assert bool(comparison.objection(LIMITS, deadline_ms)) == bool(said)


def test_one_picture_that_was_held_up_is_no_objection() -> None:
    comparison = compared((WELL, WELL), times=99)
    comparison.add(WELL, ShadowAnswer("whole", False, 90_000))
    assert comparison.objection(LIMITS, 100) == ""


def test_rejecting_much_more_is_an_objection_even_with_the_same_labels() -> None:
    comparison = compared((WELL, WELL), times=85)
    for _ in range(15):
        comparison.add(WELL, ShadowAnswer("whole", True, 2000))
    assert comparison.objection(LIMITS, 100) == "rejects 15% of 100 pictures, the active one 0%"
