"""What a long run finds and how long each step took, one line a step, printed as it comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Table:
    """What was looked at, printed as it comes."""

    failed: bool = False
    began: float = field(default_factory=time.monotonic)

    def row(self, what: str, found: object, holds: bool = True) -> None:
        self.failed |= not holds
        sys.stdout.write(f"{'✓' if holds else '✗'} {time.monotonic() - self.began:7.1f} s  {what:<58} {found}\n")
        sys.stdout.flush()

    def timed(self, what: str, action: Callable[[], object]) -> None:
        """An AssertionError ends the program, after its row."""
        began = time.monotonic()
        try:
            action()
        except AssertionError:
            self.row(what, f"not within {time.monotonic() - began:.1f} s", holds=False)
            raise
        self.row(what, f"{time.monotonic() - began:.1f} s")
