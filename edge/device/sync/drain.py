"""Which of the waiting entries goes next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.device.sync.outbox import Outbox, OutboxEntry
from edge.device.sync.pace import Pace

BATCH = 64
SCAN_BATCHES = 16
"""Largest number of batches that one ``take`` looks through, so that the link is served in between."""

DrainKey = tuple[str, str]
"""Kind and model: entries that share a topic, and so share its fate."""


@dataclass(slots=True)
class _Pause:
    length_s: float
    until: float
    state: Literal["waiting", "due", "probing"] = "waiting"


class _Cursor:
    """Reads an outbox in order, up to ``until``; None is open-ended."""

    def __init__(self, outbox: Outbox, after: int, until: int | None) -> None:
        self._outbox, self.after, self.until = outbox, after, until
        self.fetched: deque[OutboxEntry] = deque()

    def fetch(self) -> bool:
        """Whether there is an entry in ``fetched``."""
        if not self.fetched and (self.until is None or self.after < self.until):
            # Nothing may also mean that nothing can be read now: only a later entry shows that this is the end.
            for entry in self._outbox.pending(self.after, BATCH):
                if self.until is not None and entry.id > self.until:
                    self.after = self.until
                    break
                self.fetched.append(entry)
                self.after = entry.id
        return bool(self.fetched)

    def go_back(self, ids: Iterable[int]) -> None:
        """So that these are read again, and what was read but not taken."""
        again = [*ids, *(entry.id for entry in self.fetched)]
        self.fetched.clear()
        self.after = min([self.after, *(id_ - 1 for id_ in again)])


class Drain:
    """Two cursors over an outbox, each oldest first: what came since the connection goes before the backlog, which
    goes at a limited pace. Topics that the broker does not take pause.

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
        backlog_per_s: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``leave`` names kinds that stay where they are. ``pause_s``: the first and the longest pause.
        ``backlog_per_s``: records and messages of the backlog a second.
        """
        self._outbox, self._clock = outbox, clock
        self._leave = self._left = leave
        """May be changed at any time."""
        self._first_s, self._max_s = pause_s
        self._pace = Pace(backlog_per_s, clock)
        self._mark = 0
        self._cursors = self._read_from(0)
        self._sent: set[int] = set()
        self._dropped: set[int] = set()
        self._passed_over: int | None = None
        self._pauses: dict[DrainKey, _Pause] = {}
        self.looked_through = False
        """Whether the last ``take`` came to the end of what waits."""
        self.rest_s = 0.0
        """Time that the backlog has to wait for its pace, as of the last ``take``."""

    @property
    def idle(self) -> bool:
        """Nothing is under way, and what still waits cannot go now."""
        return self.looked_through and not self._sent

    def pass_over(self, kinds: frozenset[str]) -> None:
        """Leaves these kinds where they are, from the next :meth:`take` on. Any thread may call it."""
        self._leave = kinds

    def set_backlog_rate(self, per_s: float) -> None:
        """Changes the speed limit of the backlog. Any thread may call it."""
        self._pace.set_rate(per_s)

    def take(self, room: int) -> list[OutboxEntry]:
        """Up to ``room`` entries to publish now. Each must come back: to ``settle``, ``hold`` or ``drop``."""
        self._wake()
        if self._leave != self._left:
            self._left, self._cursors = self._leave, self._read_from(self._mark)
        self.looked_through, self.rest_s = False, 0.0
        taken: list[OutboxEntry] = []
        live, backlog = self._cursors
        through = self._take_from(live, taken, room, None)
        through = self._take_from(backlog, taken, room, self._pace) and through
        self.looked_through = through
        return taken

    def settle(self, delivered: Sequence[OutboxEntry]) -> None:
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

    def hold(self, entry: OutboxEntry) -> None:
        """This one was not taken: it stays in the outbox, and its lane pauses."""
        self._sent.discard(entry.id)
        self._pass_over(entry)
        pause = self._pauses.get(_lane(entry))
        if pause is None:
            self._pause(entry, self._first_s)
        elif pause.state == "probing":
            self._pause(entry, min(2 * pause.length_s, self._max_s))

    def drop(self, entry: OutboxEntry) -> None:
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
        self._sent.clear()
        self._passed_over = None
        self._cursors = self._read_from(self._outbox.last_id())

    def _read_from(self, mark: int) -> tuple[_Cursor, _Cursor]:
        self._mark = mark
        return _Cursor(self._outbox, mark, None), _Cursor(self._outbox, 0, mark)

    def _take_from(self, cursor: _Cursor, taken: list[OutboxEntry], room: int, pace: Pace | None) -> bool:
        """Whether it came to the cursor's end."""
        for _ in range(SCAN_BATCHES):
            if len(taken) >= room:
                return False
            if not cursor.fetch():
                return True
            while cursor.fetched and len(taken) < room:
                if pace is not None and (rest_s := pace.rest_s()) > 0:
                    self.rest_s = rest_s
                    return False
                self._take_one(cursor.fetched.popleft(), taken, pace)
        return False

    def _take_one(self, entry: OutboxEntry, taken: list[OutboxEntry], pace: Pace | None) -> None:
        if self._is_wanted(entry) and self._may_go(entry):
            self._sent.add(entry.id)
            taken.append(entry)
            if pace is not None:
                pace.spend(entry.count)

    def _is_wanted(self, entry: OutboxEntry) -> bool:
        return not (entry.id in self._sent or entry.id in self._dropped or entry.kind in self._leave)

    def _may_go(self, entry: OutboxEntry) -> bool:
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

    def _go_back(self) -> None:
        """Returns to the oldest entry that was passed over; all before it have gone."""
        ids = [] if self._passed_over is None else [self._passed_over]
        live, backlog = self._cursors
        live.go_back(max(id_, self._mark + 1) for id_ in ids)
        backlog.go_back(id_ for id_ in ids if id_ <= self._mark)
        self._passed_over = None

    def _pass_over(self, entry: OutboxEntry) -> None:
        self._passed_over = entry.id if self._passed_over is None else min(self._passed_over, entry.id)

    def _pause(self, entry: OutboxEntry, length_s: float) -> None:
        self._pauses[_lane(entry)] = _Pause(length_s, self._clock() + length_s)


def _lane(entry: OutboxEntry) -> DrainKey:
    return entry.kind, entry.model
