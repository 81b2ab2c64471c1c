"""Where every frame went: ``captured == decided + sum(dropped.values())`` once the line has stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

Reason = Literal["overrun", "late", "unreadable", "failed", "shutdown"]
"""overrun: a newer frame came before the model was free; late: its decision would have come after the deadline;
unreadable: not a picture; failed: the runtime refused; shutdown: the line stopped before the frame's turn."""


def no_drops() -> Counter[Reason]:
    """Every reason at 0: counting then changes no dictionary's size under a thread that reads it."""
    return Counter(dict.fromkeys(get_args(Reason), 0))


@dataclass(slots=True)
class Accounts:
    """Counters of one camera, or of several added up.

    Each figure is written by one thread only: ``captured`` by capture, the rest by decision.
    """

    captured: int = 0
    """Frames that the source delivered."""
    decided: int = 0
    """Frames that were looked at; each shows one part, or any number of them where parts are followed."""
    dropped: Counter[Reason] = field(default_factory=no_drops)
    """Frames by the reason why nobody looked at them."""
    judged: int = 0
    """Parts judged: each is one record. Equals ``decided`` where every frame is a part."""
    parts_lost: int = 0
    """Parts that were followed and went out of sight before they could be judged."""

    @property
    def balanced(self) -> bool:
        return self.captured == self.decided + sum(self.dropped.values())


def total(accounts: Iterable[Accounts]) -> Accounts:
    """All cameras together."""
    whole = Accounts()
    for one in accounts:
        whole.captured += one.captured
        whole.decided += one.decided
        whole.dropped.update(one.dropped)
        whole.judged += one.judged
        whole.parts_lost += one.parts_lost
    return whole
