"""Durations as people write them: ``7d``, ``12h``, ``forever``."""

from __future__ import annotations

import re

from edge.errors import ConfigError

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
FOREVER = "forever"


def parse_duration(text: str, what: str) -> float | None:
    """Seconds; None for ``forever``. Raises ConfigError."""
    if text == FOREVER:
        return None
    found = re.fullmatch(r"(\d{1,9})(s|min|h|d)", text)
    if found is None:
        raise ConfigError(f"{what}: expected a time such as 7d, 12h, 30min or {FOREVER}, got {text!r:.40}")
    return float(int(found[1]) * UNITS[found[2]])


def format_duration(seconds: float | None) -> str:
    """The inverse of :func:`parse_duration`."""
    if seconds is None:
        return FOREVER
    unit = next(name for name in reversed(UNITS) if seconds % UNITS[name] == 0 or name == "s")
    return f"{seconds / UNITS[unit]:.0f}{unit}"
