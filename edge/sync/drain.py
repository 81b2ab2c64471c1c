"""Which of the waiting entries goes next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.sync.outbox import Entry, Outbox

BATCH = 64
SCAN_BATCHES = 16
"""How many batches one ``take`` looks through at most, so that the link is served in between."""

Lane = tuple[str, str]
"""Kind and model: entries that share a topic, and so share its fate."""


@dataclass(slots=True)
class _Pause:
    length_s: float
    until: float
    state: Literal["waiting", "due", "probing"] = "waiting"


class Drain:
    """A cursor over an outbox, oldest first, with a pause for topics that the broker does not take.

    Entries of a paused lane are passed over, so that predictions nobody may publish do not hold up drift
    windows. After the pause one entry goes out as a probe: when it arrives the lane is open and the cursor goes
    back to the first entry that was passed over, else the next pause is twice as long.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        leave: frozenset[str] = frozenset(),
        pause_s: tuple[float, float] = (1.0, 30.0),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``leave`` names kinds that stay where they are. ``pause_s``: the first and the longest pause."""
        self._outbox, self._clock, self._leave = outbox, clock, leave
        self._first_s, self._most_s = pause_s
        self._cursor = 0
        self._fetched: deque[Entry] = deque()
        self._sent: set[int] = set()
        self._dropped: set[int] = set()
        self._passed_over: int | None = None
        self._pauses: dict[Lane, _Pause] = {}
        self.looked_through = False
        """Whether the last ``take`` came to the end of what waits."""

    @property
    def idle(self) -> bool:
        """Nothing is under way, and what still waits cannot go now."""
        return self.looked_through and not self._sent

    def take(self, room: int) -> list[Entry]:
        """Up to ``room`` entries to publish now. Each must come back: to ``settle``, ``hold`` or ``drop``."""
        self._wake()
        self.looked_through = False
        taken: list[Entry] = []
        for _ in range(SCAN_BATCHES):
            if len(taken) >= room:
                break
            if not self._fetched and not self._fetch():
                self.looked_through = True
                break
            self._take_fetched(taken, room)
        return taken

    def settle(self, delivered: Sequence[Entry]) -> None:
        """These arrived: the outbox forgets them."""
        if not delivered:
            return
        self._outbox.acknowledge([entry.id for entry in delivered])
        self._sent.difference_update(entry.id for entry in delivered)
        for entry in delivered:
            pause = self._pauses.get(_lane(entry))
            if pause is not None and pause.state == "probing":
                del self._pauses[_lane(entry)]
                self._go_back()

    def hold(self, entry: Entry) -> None:
        """This one was not taken: it stays in the outbox, and its lane pauses."""
        self._sent.discard(entry.id)
        self._pass_over(entry)
        pause = self._pauses.get(_lane(entry))
        if pause is None:
            self._pause(entry, self._first_s)
        elif pause.state == "probing":
            self._pause(entry, min(2 * pause.length_s, self._most_s))

    def drop(self, entry: Entry) -> None:
        """This one can never be sent. It stays in the outbox, and is not tried again before the next start."""
        self._sent.discard(entry.id)
        self._dropped.add(entry.id)
        pause = self._pauses.get(_lane(entry))
        if pause is not None and pause.state == "probing":
            pause.state = "due"
            self._go_back()

    def restart(self) -> None:
        """After a new connection: everything that was under way goes out again, and no lane pauses."""
        self._pauses.clear()
        self._go_back(self._sent)
        self._sent.clear()

    def _take_fetched(self, taken: list[Entry], room: int) -> None:
        while self._fetched and len(taken) < room:
            entry = self._fetched.popleft()
            if self._is_wanted(entry) and self._may_go(entry):
                self._sent.add(entry.id)
                taken.append(entry)

    def _fetch(self) -> bool:
        self._fetched.extend(self._outbox.pending(self._cursor, BATCH))
        if self._fetched:
            self._cursor = self._fetched[-1].id
        return bool(self._fetched)

    def _is_wanted(self, entry: Entry) -> bool:
        return not (entry.id in self._sent or entry.id in self._dropped or entry.kind in self._leave)

    def _may_go(self, entry: Entry) -> bool:
        pause = self._pauses.get(_lane(entry))
        if pause is None:
            return True
        if pause.state == "due":
            pause.state = "probing"
            return True
        self._pass_over(entry)
        return False

    def _wake(self) -> None:
        """The first entry of a lane whose pause is over is behind the cursor: a pass from there finds the probe."""
        now = self._clock()
        over = [pause for pause in self._pauses.values() if pause.state == "waiting" and now >= pause.until]
        for pause in over:
            pause.state = "due"
        if over:
            self._go_back()

    def _go_back(self, also: Iterable[int] = ()) -> None:
        """To the oldest entry that was passed over or is in ``also``; all before it have gone."""
        ids = [entry.id for entry in self._fetched]
        ids.extend(also)
        if self._passed_over is not None:
            ids.append(self._passed_over)
        self._cursor = min([self._cursor, *(id_ - 1 for id_ in ids)])
        self._passed_over = None
        self._fetched.clear()

    def _pass_over(self, entry: Entry) -> None:
        self._passed_over = entry.id if self._passed_over is None else min(self._passed_over, entry.id)

    def _pause(self, entry: Entry, length_s: float) -> None:
        self._pauses[_lane(entry)] = _Pause(length_s, self._clock() + length_s)


def _lane(entry: Entry) -> Lane:
    return entry.kind, entry.model
