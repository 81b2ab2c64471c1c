"""The best of several measured set-ups, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.inference.interpreter.setup import Setup

SIMILAR = 1.03
"""p50 within this factor of the fastest is as good: fewer threads win, which leaves cores to the rest."""
SLOWER = 1.10
STEADIER = 0.75
"""A set-up whose p99 is below this share of the chosen one's is better, if its p50 is within ``SLOWER``."""


@dataclass(frozen=True, slots=True)
class SetupTiming:
    """From a frame in memory to the decision, in milliseconds."""

    setup: Setup
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.setup}: {_figures(self)}"


@dataclass(frozen=True, slots=True)
class SetupChoice:
    """A set-up, and one line that says why."""

    setup: Setup
    why: str


def choose(measured: Sequence[SetupTiming]) -> SetupChoice:
    """The best of at least one: by p50, then threads, then p99."""
    fastest = min(measured, key=lambda row: row.p50_ms)
    near = [row for row in measured if row.p50_ms <= SIMILAR * fastest.p50_ms]
    best = min(near, key=lambda row: (row.setup.threads, _unusual(row.setup), row.p99_ms))
    slower = [row for row in measured if row.p50_ms <= SLOWER * fastest.p50_ms]
    steadiest = min(slower, key=lambda row: row.p99_ms)
    if steadiest.p99_ms <= STEADIER * best.p99_ms:
        return SetupChoice(steadiest.setup, f"{_figures(steadiest)}, steadier than {best}")
    if best is fastest:
        return SetupChoice(best.setup, f"{_figures(best)}, the fastest of {len(measured)} measured")
    simpler = "fewer threads" if best.setup.threads < fastest.setup.threads else "steadier or more usual"
    percent = 100 * (best.p50_ms / fastest.p50_ms - 1)
    return SetupChoice(best.setup, f"{_figures(best)}, {simpler} and only {percent:.1f} % slower than {fastest}")


def _unusual(setup: Setup) -> tuple[bool, bool]:
    return setup.delegate is not None, not setup.xnnpack


def _figures(row: SetupTiming) -> str:
    return f"p50 {row.p50_ms:.3f} ms, p99 {row.p99_ms:.3f} ms"
