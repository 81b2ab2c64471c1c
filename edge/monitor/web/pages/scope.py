"""Which devices stand for a line, a site or a fleet where all of them would take too long to add up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.monitor.reading import Filter, Reader
from edge.monitor.web.asked import Stretch

PANES = 240
"""Statistics of windows that one page adds up: about two milliseconds each."""
PANES_EXACT = 20_000
"""And when it is asked to take its time."""
WINDOW_S = 60
ROLLED_S = 3600
"""What is older than some hours is kept by the hour."""


@dataclass(frozen=True, slots=True)
class Scope:
    """``where`` names the ``taken`` of ``total`` devices."""

    where: Filter
    taken: tuple[str, ...]
    total: int

    @property
    def whole(self) -> bool:
        return len(self.taken) == self.total


def choose(reader: Reader, where: Filter, stretch: Stretch, *, exact: bool = False) -> Scope:
    """All devices that match, or as many as there is time for, evenly by site and line."""
    budget = PANES_EXACT if exact else PANES
    most = max(1, budget // _panes_each(stretch))
    rows, total = reader.fleet(where, "place", limit=most)
    if total > most:
        spots = [place * total // most for place in range(most)]
        rows = [row for at in spots for row in reader.fleet(where, "place", limit=1, offset=at)[0]]
    taken = tuple(dict.fromkeys(row.device for row in rows))
    return Scope(replace(where, devices=taken), taken, total)


def _panes_each(stretch: Stretch) -> int:
    """Of one device over that time, roughly."""
    fresh = min(stretch.seconds, 6 * ROLLED_S) // WINDOW_S
    return max(1, fresh + max(0, stretch.seconds - 6 * ROLLED_S) // ROLLED_S)
