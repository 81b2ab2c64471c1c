"""The best of several measured set-ups, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.interpreter.setup import Setup

SIMILAR = 1.03
"""p50 within this factor of the fastest is as good: fewer threads win, which leaves cores to the rest."""
SLOWER = 1.10
STEADIER = 0.75
"""A set-up whose p99 is below this share of the chosen one's is better, if its p50 is within ``SLOWER``."""


@dataclass(frozen=True, slots=True)
class Measured:
    """From a frame in memory to the decision, in milliseconds."""

    setup: Setup
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.setup}: p50 {self.p50_ms:.3f} ms, p99 {self.p99_ms:.3f} ms"


@dataclass(frozen=True, slots=True)
class Choice:
    """A set-up, and one line that says why."""

    setup: Setup
    why: str


def choose(measured: Sequence[Measured]) -> Choice:
    """The best of at least one: by p50, then threads, then p99."""
    fastest = min(measured, key=lambda row: row.p50_ms)
    near = [row for row in measured if row.p50_ms <= SIMILAR * fastest.p50_ms]
    best = min(near, key=lambda row: (row.setup.threads, row.setup.delegate is not None, row.p99_ms))
    slower = [row for row in measured if row.p50_ms <= SLOWER * fastest.p50_ms]
    steadiest = min(slower, key=lambda row: row.p99_ms)
    if steadiest.p99_ms <= STEADIER * best.p99_ms:
        return Choice(steadiest.setup, f"steadier: p99 {steadiest.p99_ms:.3f} ms; {best}")
    if best is fastest:
        return Choice(best.setup, f"fastest of {len(measured)}: p50 {best.p50_ms:.3f} ms, p99 {best.p99_ms:.3f} ms")
    reason = "fewer threads" if best.setup.threads < fastest.setup.threads else "steadier or simpler"
    percent = 100 * (best.p50_ms / fastest.p50_ms - 1)
    return Choice(best.setup, f"{reason}, and p50 {best.p50_ms:.3f} ms is within {percent:.1f} % of {fastest}")
