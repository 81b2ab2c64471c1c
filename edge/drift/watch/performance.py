"""Quality of the decisions, from labels that people gave to audited samples; and whether that has changed.

Audits of the random stratum are a fair sample of the line, and only they are counted here. Samples that were audited
because they were uncertain or outlying are harder than the line is, and would make it look worse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.structs import plain
from edge.drift.pane import AuditedLabel, Pane
from edge.drift.univariate.intervals import wilson
from edge.drift.watch.detector import ODDS
from edge.errors import ConfigError

RANDOM = "random"
"""Stratum of the unbiased audits."""


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``n``; the interval holds the true share in 95 of 100 cases (Wilson). 0 to 1 when n is 0."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.n) if self.n else (0.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        return {"hits": self.hits, "n": self.n, "value": self.value, "interval": list(self.interval)}


@dataclass(frozen=True, slots=True)
class Performance:
    """Performance on audited samples. Merge by summing the audits of panes."""

    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows are true labels, columns predicted ones."""

    @classmethod
    def of(cls, audits: Mapping[AuditedLabel, int], labels: Iterable[str], stratum: str = RANDOM) -> Performance:
        """From :attr:`edge.drift.Pane.audits`."""
        names = tuple(labels)
        table = np.zeros((len(names), len(names)), np.int64)
        for (where, predicted, true), count in audits.items():
            if where == stratum:
                table[true, predicted] += count
        return cls(names, tuple(tuple(row) for row in table.tolist()))

    @property
    def accuracy(self) -> Share:
        table = self._table
        return Share(int(np.trace(table)), int(table.sum()))

    def recall(self, label: int) -> Share:
        """Share of the samples that are ``label`` that was found."""
        table = self._table
        return Share(int(table[label, label]), int(table[label].sum()))

    def precision(self, label: int) -> Share:
        """Share of the samples called ``label`` that are."""
        table = self._table
        return Share(int(table[label, label]), int(table[:, label].sum()))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        by_label = {
            label: {"precision": self.precision(i).to_dict(), "recall": self.recall(i).to_dict()}
            for i, label in enumerate(self.labels)
        }
        return {"accuracy": self.accuracy.to_dict(), "labels": by_label, "confusion": plain(self.confusion)}

    @property
    def _table(self) -> NDArray[np.int64]:
        return np.array(self.confusion, np.int64).reshape(len(self.labels), len(self.labels))


def sliding(panes: Iterable[Pane], length: int) -> list[Performance]:
    """After each pane, over the last ``length`` of them; the cumulative one is that of all panes merged."""
    kept: list[Counter[AuditedLabel]] = []
    found = []
    for pane in panes:
        kept = [*kept, pane.audits][-length:]
        found.append(Performance.of(sum(kept, Counter()), pane.reference.labels))
    return found


class ConceptWatch:
    """Alarms when audited errors have become more frequent than ``errors`` in ``n`` evaluated samples makes credible.

    The error rate counts as unchanged up to the upper end of the evaluation's 95 % interval. Each audit multiplies
    likelihood ratios of a risen rate into Shiryaev–Roberts e-detectors. While every audit's chance of an error, given
    all before, stays below that limit, there are on average at least ``run_length`` audits between two alarms:
    exactly, for any dependence between audits. J. Shin, A. Ramdas, A. Rinaldo, "E-detectors", 2023.
    """

    def __init__(self, errors: int, n: int, run_length: float) -> None:
        if not 0 <= errors <= n or not n:
            raise ConfigError(f"concept drift: expected errors of at least one evaluated sample, got {errors} of {n}")
        self.limit = min(wilson(errors, n)[1], 1 - 1e-9)
        self._rates = self.limit + (1 - self.limit) * ODDS
        self._evidence = np.zeros(len(ODDS))
        self._run_length = run_length

    def add(self, error: bool) -> bool:
        """One audited sample of the random stratum, in the order of the line. True: an alarm; it restarts."""
        ratio = self._rates / self.limit if error else (1 - self._rates) / (1 - self.limit)
        self._evidence = (self._evidence + 1.0) * ratio
        alarm = self.evidence >= 1.0
        if alarm:
            self._evidence = np.zeros(len(ODDS))
        return alarm

    @property
    def evidence(self) -> float:
        """Over what an alarm needs."""
        return float(self._evidence.mean()) / self._run_length
