"""How figures are taken: interleaved, so that a machine that slows down slows both sides."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.device.pipeline import Intake


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ratio`` is ours / the other; ``bar`` is what an agreed target says, if any."""

    name: str
    ours: float
    other: float | None
    unit: str
    bar: str
    holds: bool

    @property
    def ratio(self) -> float | None:
        return None if not self.other else self.ours / self.other


class Unwatched(Intake):
    """For a line without a recorder."""

    def put(self, *judged: object) -> None:
        """Forgets it."""


def interleaved(ours: Callable[[], Any], other: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Median seconds of each, called in turn ``rounds`` times after a tenth as warm-up."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + rounds // 10):
        for side, call in enumerate((ours, other)):
            began = time.perf_counter()
            call()
            if number >= rounds // 10:
                times[side].append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


def child(program: str, *arguments: str) -> str:
    """Standard output of a Python program in a fresh process of this environment."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def child_seconds(program: str, rounds: int = 7) -> float:
    """Median wall seconds of a whole process."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        child(program)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
