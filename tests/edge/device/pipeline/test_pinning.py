"""Cores for decisions alone."""

from __future__ import annotations

import os
import threading

import pytest

from edge.device.pipeline.pinning import pin, reserved
from edge.errors import ConfigError

CORES = sorted(os.sched_getaffinity(0))
several = pytest.mark.skipif(len(CORES) < 2 and not os.environ.get("CI"), reason="needs two cores")


def in_a_thread(*steps: object) -> set[int]:
    """The cores that a thread started now may use, after ``steps``."""
    found: list[set[int]] = []

    def run() -> None:
        for core in steps:
            pin(int(str(core)))
        found.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@several
def test_a_reserved_core_is_for_those_that_are_pinned_to_it() -> None:
    last = CORES[-1]
    with reserved([last]):
        assert in_a_thread() == set(CORES) - {last}
        assert in_a_thread(last) == {last}
    assert os.sched_getaffinity(0) == set(CORES)


def test_nothing_reserved_changes_nothing() -> None:
    with reserved([]):
        assert in_a_thread() == set(CORES)


@pytest.mark.parametrize(
    ("cores", "message"),
    [([1023], r"core 1023 is not there for this process; it has 0"), (CORES, "every core is taken")],
)
def test_cores_that_cannot_be_had_are_a_mistake(cores: list[int], message: str) -> None:
    with pytest.raises(ConfigError, match=message), reserved(cores):
        raise AssertionError("entered")
    assert os.sched_getaffinity(0) == set(CORES)
