"""``1,10%,100%``: how many devices have the new model at the end of each stage of a roll-out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from edge.errors import ConfigError

DEFAULT = "1,10%,100%"
_STAGE = re.compile(r"(\d{1,6})(%?)")


def parse_stages(text: str) -> tuple[tuple[int, bool], ...]:
    """Numbers, and whether each is a percentage. Raises ConfigError."""
    stages = []
    for word in text.split(","):
        match = _STAGE.fullmatch(word.strip())
        number = int(match[1]) if match else 0
        if match is None or number < 1 or (match[2] and number > 100):
            raise ConfigError(
                f"--stages: expected numbers of devices or percentages, as in {DEFAULT}, got {text!r:.60}"
            )
        stages.append((number, bool(match[2])))
    return tuple(stages)


def cut(devices: Sequence[str], stages: Sequence[tuple[int, bool]]) -> list[list[str]]:
    """The devices that each stage adds; stages that add none are left out. What no stage reaches is in none."""
    parts, begun = [], 0
    for number, share in stages:
        end = min(len(devices), math.ceil(len(devices) * number / 100) if share else number)
        if end > begun:
            parts.append(list(devices[begun:end]))
            begun = end
    return parts
