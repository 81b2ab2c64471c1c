"""Versions of TFLite runtimes, in the numbering of TensorFlow 2 that models state."""

from __future__ import annotations

import re


def older(first: str, second: str) -> bool:
    """Whether version ``first`` comes before ``second``."""
    return _parts(first) < _parts(second)


def _parts(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", version)[:3]]
    return (*numbers, 0, 0, 0)[:3]
