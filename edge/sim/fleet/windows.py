"""Drift windows of simulated devices: real panes and verdicts, of which devices in the same condition share some."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from edge.drift import WindowVerdict, encode_pane, judge
from edge.sim.fleet.population import Population
from edge.sim.fleet.script import PartCondition

ALPHA = 0.001
"""Significance, the same as a device's ``drift.alpha``."""
REPLACED = 50
"""One of so many windows handed out replaces one that is kept by a new one."""


class JudgedWindow(NamedTuple):
    """A window as a device judges it; the numbers in ``pane`` count from 0."""

    verdict: WindowVerdict
    pane: dict[str, Any]


class WindowPool:
    """Counting and judging a window costs milliseconds, too much for thousands of devices: up to ``size`` windows of
    each condition are kept and handed out again, and slowly replaced. ``size`` 0: each window is a new one.
    """

    def __init__(self, population: Population, model: str, samples: int, size: int, seed: int) -> None:
        self._population, self._model, self._samples, self._size = population, model, samples, size
        self._rng = np.random.default_rng(seed)
        self._kept: dict[PartCondition, list[JudgedWindow]] = {}
        self._taken = 0

    def take(self, condition: PartCondition) -> JudgedWindow:
        """A window of parts in this condition."""
        if not self._size:
            return self._make(condition)
        kept = self._kept.setdefault(condition, [])
        self._taken += 1
        if len(kept) < self._size:
            kept.append(self._make(condition))
            return kept[-1]
        place = int(self._rng.integers(len(kept)))
        if self._taken % REPLACED == 0:
            kept[place] = self._make(condition)
        return kept[place]

    def _make(self, condition: PartCondition) -> JudgedWindow:
        sample = self._population.sample(self._rng, self._samples, dict(condition.shift), condition.defects)
        pane = self._population.pane(sample, self._model, 0)
        return JudgedWindow(judge(pane, alpha=ALPHA), encode_pane(pane))
