"""Statistics of any devices over any time as those that one device would have had, and what they say.

Panes are integers and add up exactly (:mod:`edge.drift.pane`), so Kolmogorov–Smirnov, class shares and all counts
are those of the pooled raw data; Wasserstein-1 is bracketed as it is for one device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge.drift.encoding.wire import TOGETHER
from edge.drift.pane import Pane
from edge.drift.watch.verdict import judge
from edge.monitor.queries.panes import MergeKey, Panes, StoredPane, merge
from edge.monitor.queries.reading import Merged, Slice, StatisticsSpan

ALPHA = 0.001
"""Significance, the same as on the device: of undisturbed stretches of independent samples, one in a thousand is
called drifted."""


@dataclass(slots=True)
class Sum:
    """Panes of one merge_key on the way to their sum."""

    pane: Pane | None = None
    devices: set[str] = field(default_factory=set)
    windows: int = 0
    refused: int = 0
    reason: str = ""
    _waiting: list[StoredPane] = field(default_factory=list)

    def add(self, panes: Panes, found: StoredPane) -> None:
        """Call :meth:`settle` after the last one."""
        self._waiting.append(found)
        if len(self._waiting) >= TOGETHER:
            self.settle(panes)

    def settle(self, panes: Panes) -> Sum:
        """Leaves out and counts what cannot be read: one device must not spoil what is said of all."""
        total = panes.total(self._waiting)
        self.pane = merge(self.pane, total.pane)
        for place, found in enumerate(self._waiting):
            if place in total.refused:
                self.refused, self.reason = self.refused + found.windows, total.refused[place]
            else:
                self.devices.add(found.device)
                self.windows += found.windows
        self._waiting.clear()
        return self


def merged(panes: Panes, devices: Sequence[str], span: StatisticsSpan) -> list[Merged]:
    """One for each model and reference, the largest first."""
    sums: dict[MergeKey, Sum] = defaultdict(Sum)
    for found in panes.of(devices, span):
        sums[found.merge_key].add(panes, found)
    results = [_merged(merge_key, one.settle(panes)) for merge_key, one in sums.items()]
    return sorted(results, key=lambda one: (-one.windows, one.model, -one.version))


def slices(panes: Panes, devices: Sequence[str], span: StatisticsSpan, step_ns: int) -> list[Slice]:
    """Each stretch of ``step_ns`` merged and judged by itself, by time; of several models that with most windows."""
    sums: dict[int, dict[MergeKey, Sum]] = defaultdict(lambda: defaultdict(Sum))
    for found in panes.of(devices, span):
        sums[found.start_ns // step_ns * step_ns][found.merge_key].add(panes, found)
    return list(_judged(panes, sums))


def _judged(panes: Panes, sums: dict[int, dict[MergeKey, Sum]]) -> Iterator[Slice]:
    for start_ns in sorted(sums):
        largest = max((one.settle(panes) for one in sums[start_ns].values()), key=lambda one: one.windows)
        if largest.pane is None:
            continue
        for column in judge(largest.pane, alpha=ALPHA, exact=False).columns:
            facts = (column.statistic, column.p_value, column.threshold, column.drifted)
            yield Slice(start_ns, column.name, *facts, largest.windows, column.effect)


def _merged(merge_key: MergeKey, one: Sum) -> Merged:
    verdict = judge(one.pane, alpha=ALPHA) if one.pane is not None else None
    problem = f"{one.refused} windows left out: {one.reason}" if one.refused else ""
    if one.pane is None and "no drift reference" in one.reason:
        problem = f"{one.reason}; give the monitor the model once: edge monitor --model FILE"
    name = (merge_key.model, merge_key.version, merge_key.digest, merge_key.reference)
    return Merged(*name, len(one.devices), one.windows or one.refused, one.pane, verdict, problem)


def by_device(panes: Panes, devices: Sequence[str], span: StatisticsSpan) -> dict[MergeKey, dict[str, Pane]]:
    """Each device's own sum, by what may be compared."""
    sums: dict[MergeKey, dict[str, Sum]] = defaultdict(lambda: defaultdict(Sum))
    for found in panes.of(devices, span):
        sums[found.merge_key][found.device].add(panes, found)
    return {
        merge_key: {device: pane for device, one in found.items() if (pane := one.settle(panes).pane) is not None}
        for merge_key, found in sums.items()
    }
