"""Drift over a fleet: found soon, and falsely no more often than stated."""

from __future__ import annotations

import numpy as np
import pytest

from edge.monitor.alerting.evidence import COLUMNS, DriftingColumn, Evidence, EvidenceKey

WEEK = 10_080
"""Windows, one a minute."""


def stream(number: int) -> EvidenceKey:
    return EvidenceKey(f"d{number}", "0", "cookie", 1)


def test_a_column_that_drifts_is_found_within_ten_windows_and_since_when_is_right():
    evidence = Evidence()
    for number in range(1000):
        for window in range(10):
            drifted = ["brightness"] if number == 7 and window >= 2 else []
            evidence.add(stream(number), drifted, 14, window)
    found = evidence.look(WEEK)
    assert [(one.stream, one.column, one.since_ns) for one in found] == [(stream(7), "brightness", 2)]


def test_many_that_drift_together_are_found_sooner():
    def windows_until_found(many: int) -> int:
        evidence = Evidence()
        for window in range(30):
            for number in range(1000):
                evidence.add(stream(number), ["blue"] if number < many else [], 14, window)
            if len(evidence.look(WEEK)) == many:
                return window + 1
        raise AssertionError("never found")

    assert windows_until_found(300) < windows_until_found(1) <= 8


def test_a_drift_is_over_after_so_many_calm_windows_and_can_come_again():
    evidence = Evidence(clear_windows=5)

    def feed(windows: range, drifted: list[str]) -> list[DriftingColumn]:
        for window in windows:
            evidence.add(stream(0), drifted, 14, window)
        return evidence.look(100)

    assert len(feed(range(12), ["red"])) == 1
    assert len(feed(range(12, 16), [])) == 1
    assert feed(range(16, 17), []) == []
    again = feed(range(20, 32), ["red"])
    assert [one.since_ns for one in again] == [20]


@pytest.mark.parametrize("together", [False, True])
def test_false_alarms_are_as_rare_as_stated_at_the_worst_that_is_allowed(together: bool):
    """Each column drifted with the usual probability exactly, independently or on all devices at once."""
    rng, run_length, firsts = np.random.default_rng(3), 100.0, []
    names = [f"column {number}" for number in range(COLUMNS)]
    for _ in range(25):
        evidence, first = Evidence(usual=0.05), 1000
        for window in range(1000):
            hits = np.repeat(rng.random((1, COLUMNS)), 5, axis=0) if together else rng.random((5, COLUMNS))
            for number in range(5):
                drifted = [name for name, hit in zip(names, hits[number] < 0.05, strict=True) if hit]
                evidence.add(stream(number), drifted, COLUMNS, window)
            if evidence.look(run_length):
                first = window
                break
        firsts.append(first)
    assert np.mean(firsts) >= run_length


def test_ten_thousand_devices_stay_small():
    evidence = Evidence()
    for number in range(2000):
        evidence.add(stream(number), ["brightness", "contrast"], 14, 0)
    assert evidence.look(WEEK) == []
    assert evidence._sum.nbytes + evidence._evidence.nbytes < 1_000_000
