from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware_stubs.hosted import HostedController


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[HostedController]:
    """The firmware's core as a process; its belt stands until the test moves it."""
    hosted = HostedController(tmp_path / "line")
    yield hosted
    hosted.stop()
