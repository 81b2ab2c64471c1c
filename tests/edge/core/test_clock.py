"""Wall times before and after somebody sets the clock."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.core.clock import clock_state, corrected, kernel_synchronized

YEAR_NS = 365 * 86_400 * 10**9


def test_the_offset_leads_from_one_clock_to_the_other() -> None:
    assert abs(time.monotonic_ns() + clock_state().offset_ns - time.time_ns()) < 10**9


def test_the_kernel_says_whether_the_clock_was_set() -> None:
    assert kernel_synchronized() in (True, False)


def test_a_stamp_from_before_a_step_is_moved_and_others_are_left() -> None:
    offset = 50 * YEAR_NS
    for step in (3600 * 10**9, -3600 * 10**9, 10 * YEAR_NS, -10 * YEAR_NS, -50 * YEAR_NS):
        assert corrected(7 + offset + step, 7, offset) == 7 + offset
    assert corrected(7 + offset + 10**8, 7, offset) == 7 + offset + 10**8
    assert corrected(7, 7, None) == 7
    assert corrected(10**18, 7, -YEAR_NS) == 0


def test_a_service_that_may_not_ask_the_kernel_asks_timesyncd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        @staticmethod
        def adjtimex(_: object) -> int:
            return -1

    monkeypatch.setattr("ctypes.CDLL", lambda _: Refusing)
    assert kernel_synchronized(tmp_path / "none") is None
    assert kernel_synchronized(tmp_path) is False
    (tmp_path / "synchronized").touch()
    assert kernel_synchronized(tmp_path) is True
