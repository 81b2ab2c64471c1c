"""Files that stand for artifacts: the slots do not look into them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.device.slots import Slots


@dataclass(frozen=True)
class Artifact:
    """As :class:`edge.device.slots.slots.AdmittedArtifact`, and its file."""

    path: Path
    model: str
    version: int
    sha256: str
    size: int
    key: str = "0123456789abcdef"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Artifact]:
    """``make(3)``: version 3 of a model, 3,000 bytes."""

    def make(version: int, size: int = 1000) -> Artifact:
        path = tmp_path / f"cookie-{version}.tflite"
        data = bytes([version % 256]) * size * version
        path.write_bytes(data)
        return Artifact(path, "cookie", version, hashlib.sha256(data).hexdigest(), len(data))

    return make


@pytest.fixture
def slots(memory: Path) -> Slots:
    return Slots(memory / "slots")


@pytest.fixture
def put(slots: Slots, make: Callable[..., Artifact]) -> Callable[[int], str]:
    """``put(3)``: version 3 is a candidate in the returned slot."""

    def put(version: int) -> str:
        artifact = make(version)
        return slots.put(artifact.path, artifact, source="test")

    return put


@pytest.fixture
def commit(slots: Slots, put: Callable[[int], str]) -> Callable[[int], str]:
    """``commit(3)``: version 3 is active in the returned slot."""

    def commit(version: int) -> str:
        name = put(version)
        slots.begin_trial(name)
        assert slots.attempt()
        slots.commit()
        return name

    return commit
