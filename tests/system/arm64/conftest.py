"""The emulated board, made when a test first asks for it."""

from __future__ import annotations

import pytest

from tests.system.arm64.board import make_sysroot


@pytest.fixture(scope="session", autouse=True)
def sysroot() -> None:
    make_sysroot()
