"""A device's trust in the session's key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.trust import Trust
from edge.trust.keys import PrivateKey


@pytest.fixture
def trust(tmp_path: Path, signing_key: PrivateKey) -> Trust:
    """Of a new device that knows one key."""
    made = Trust(tmp_path / "state" / "trust")
    made.add(signing_key.public, "works")
    return made


@pytest.fixture
def write_signed(tmp_path: Path, make_signed: Callable[..., bytes]) -> Callable[..., Path]:
    """``write_signed(version=3)``: a signed artifact on disk."""

    def write(name: str = "colour.tflite", **changes: object) -> Path:
        path = tmp_path / name
        path.write_bytes(make_signed(**changes))
        return path

    return write
