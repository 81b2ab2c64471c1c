import logging

import pytest

from edge.core.backoff import Backoff
from edge.core.ratelimit import RateLimitedLog


def test_delays_double_to_the_limit_and_are_shortened_by_half_at_most() -> None:
    backoff = Backoff(0.2, 30.0)
    for delay in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0):
        assert delay / 2 <= backoff.after(0.0) <= delay


def test_two_devices_do_not_come_back_at_one_moment() -> None:
    assert len({Backoff().after(0.0) for _ in range(20)}) > 10


def test_a_good_connection_forgives_and_a_short_one_does_not() -> None:
    backoff = Backoff(0.2, 30.0)
    for _ in range(8):
        backoff.after(0.0)
    assert backoff.after(1.0) > 10
    assert backoff.after(60.0) <= 0.2


def test_after_thousands_of_failures_the_delay_is_the_limit() -> None:
    backoff = Backoff(0.2, 30.0)
    assert max(backoff.after(0.0) for _ in range(5000)) <= 30.0


def test_the_same_thing_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    seldom = RateLimitedLog(logging.getLogger("seldom"), 60.0, lambda: now)
    for second in range(121):
        now = float(second)
        seldom.warning("acl", "refused")
    assert [record.getMessage() for record in caplog.records] == [
        "refused",
        "refused (59 more times since this was last said)",
        "refused (59 more times since this was last said)",
    ]


def test_different_things_are_said_each(caplog: pytest.LogCaptureFixture) -> None:
    seldom = RateLimitedLog(logging.getLogger("seldom"))
    for key in ("a", "b", "a"):
        seldom.warning(key, key)
    assert [record.getMessage() for record in caplog.records] == ["a", "b"]
