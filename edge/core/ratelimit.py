"""Saying a thing once a minute and not a thousand times."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class RateLimitedLog:
    """Warnings of which each, told apart by ``key``, is logged at most once in ``every_s`` seconds."""

    def __init__(
        self, log: logging.Logger, every_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log, self._every_s, self._clock = log, every_s, clock
        self._said: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def warning(self, key: str, text: str) -> None:
        """Logs ``text``, with how often it was held back since the last time; or holds it back."""
        now = self._clock()
        if now - self._said.get(key, float("-inf")) < self._every_s:
            self._held[key] = self._held.get(key, 0) + 1
            return
        self._said[key] = now
        held = self._held.pop(key, 0)
        self._log.warning("%s%s", text, f" ({held} more times since this was last said)" if held else "")
