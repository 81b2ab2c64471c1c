"""Scope of a page, and how many windows stand for all of them where adding up all would take too long."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from edge.monitor.queries.reading import Filter, Reader, StatisticsSpan

PANES = 500
"""Statistics of windows that one page adds up: about a millisecond each."""
PANES_EXACT = 20_000
"""And when it is asked to take its time."""
LOOKED_AT = 20
"""Devices whose windows are counted; the others have about as many."""


@dataclass(frozen=True, slots=True)
class Scope:
    where: Filter
    span: StatisticsSpan
    devices: int
    panes: int
    """About so many there are; one in ``span.every`` is added up."""

    @property
    def whole(self) -> bool:
        return self.span.every == 1


def choose(reader: Reader, where: Filter, span: StatisticsSpan, *, most: int = PANES) -> Scope:
    """All windows, or as many as there is time for, evenly over devices and time."""
    rows, total = reader.fleet(where, "place", limit=LOOKED_AT)
    if total > LOOKED_AT:
        spots = [place * total // LOOKED_AT for place in range(LOOKED_AT)]
        rows = [row for at in spots for row in reader.fleet(where, "place", limit=1, offset=at)[0]]
    names = list(dict.fromkeys(row.device for row in rows))
    panes = round(reader.kept(names, span) * total / max(1, len(names)))
    return Scope(where, replace(span, every=max(1, math.ceil(panes / most))), total, panes)
