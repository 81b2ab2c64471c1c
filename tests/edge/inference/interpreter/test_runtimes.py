"""Loading a TFLite runtime changes nothing else in the process."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge.core.choices import RuntimeName
from edge.inference.interpreter import find_runtime, usable_runtimes


def halved() -> float:
    """A subnormal number, or 0 where the thread rounds such off."""
    return float(sys.float_info.min) / 2


@pytest.mark.parametrize("name", [runtime.name for runtime in usable_runtimes()])
def test_the_smallest_floats_stay_after_a_runtime_is_loaded(name: RuntimeName) -> None:
    assert find_runtime(name).name == name
    assert halved() > 0
    with ThreadPoolExecutor(1) as later:
        assert later.submit(halved).result() > 0
