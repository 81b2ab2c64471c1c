from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.artifact.manifest import OutputSpec
from edge.decide import Decision
from edge.judgement import Judgement
from tests.firmware_stubs.hosted import HostedController


@pytest.fixture(scope="session")
def judgement() -> Callable[..., Judgement]:
    """``judgement(7, reject=True)``: part 7, its frame taken now."""

    def make(part: int, reject: bool, captured_ns: int | None = None, camera: int = 0) -> Judgement:
        now_ns = time.monotonic_ns() if captured_ns is None else captured_ns
        decision = Decision("x", 0, 1.0, reject, np.ones(1, np.float32), OutputSpec(1, "float32"))
        return Judgement(camera, part, now_ns, time.time_ns(), 0, decision)

    return make


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[HostedController]:
    """The firmware's core as a process; its belt stands until the test moves it."""
    hosted = HostedController(tmp_path / "line")
    yield hosted
    hosted.stop()
