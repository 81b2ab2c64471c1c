"""Samples as a device would keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.device.audit.sample import AuditedPart
from edge.inference.frames.frame import Image


@pytest.fixture(scope="session")
def sample() -> Callable[..., AuditedPart]:
    """``sample(3, "uncertain", label="burnt")``: of record 3."""

    def make(seq: int, *why: str, **changed: Any) -> AuditedPart:
        given: dict[str, Any] = {
            "device": "line-1",
            "boot_id": "000001-abc",
            "camera": "top",
            "part": seq,
            "wall_ns": 10**18 + seq,
            "model": "cookie",
            "model_version": 1,
            "label": "whole",
            "score": 0.75,
            "draw": 0.0,
            "share": 0.1,
        }
        return AuditedPart(why=why or ("random",), seq=seq, **given | changed)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def noise() -> Callable[..., Image]:
    """``noise(32)``: a picture that no codec makes smaller."""

    def make(size: int = 32, seed: int = 0) -> Image:
        return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)

    return make
