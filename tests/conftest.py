"""Fixtures that every folder of tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

THIRD_PARTY = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party images, models and videos beside the project."""
    if not THIRD_PARTY.is_dir():
        reason = "third-party data not found beside the project (../shared/data)"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    return THIRD_PARTY
