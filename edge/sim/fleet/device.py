"""Messages of one simulated device: each is of the kind, and counted as, a real one would send it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from edge.device.sync.drift_message import drift_message
from edge.drift import WindowResult
from edge.protocol.messages import Identity, Message, Slot, SlotsMessage, Stats, StatusMessage, TrialOutcome
from edge.sim.fleet.health import CAMERA, Trouble, health
from edge.sim.fleet.script import Change, condition
from edge.sim.fleet.windows import JudgedWindow, WindowPool
from edge.sim.options import LABELS

REASON = "p99 of 41.0 ms on trial; at most 25.0 ms"
"""Why a model that the script rolls back was no good."""


@dataclass(frozen=True, slots=True)
class Make:
    """Common properties of all devices of a fleet."""

    model: str
    version: int
    interval_s: float
    """Between two windows."""
    samples: int
    """In a window."""
    start_wall_ns: int

    def wall_ns(self, at_s: float) -> int:
        return self.start_wall_ns + round(at_s * 1e9)


@dataclass
class SimulatedDevice:
    """Simulated device, whose messages follow from the time, but for the windows that it keeps while it is
    offline."""

    number: int
    name: str
    site: str
    line: str
    make: Make
    changes: tuple[Change, ...]
    """Those that concern it."""
    online: bool = False
    _kept: list[tuple[int, float]] = field(default_factory=list)
    _seqs: dict[str, int] = field(default_factory=dict)
    _born_s: float | None = None

    @property
    def identity(self) -> Identity:
        boot_id = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        return Identity(self.name, self.site, self.line, boot_id, self.make.model, self.make.version, LABELS)

    def speak(self, window: int, at_s: float, pool: WindowPool) -> Iterator[Message]:
        """Messages ``at_s`` after the fleet's start, when its window ``window``, counted from 1, ends; at 0 it only
        says that it is there.
        """
        if window:
            self._kept.append((window, at_s))
        if any(change.offline and change.strength(at_s) for change in self.changes):
            yield from self.leave()
            return
        if not self.online:
            yield from self._connect(at_s)
        for number, end_s in self._kept:
            yield from self._window(number, end_s, pool)
        self._kept.clear()
        yield from self._roll_backs(at_s)
        if window:
            yield self._health(at_s)

    def leave(self) -> Iterator[Message]:
        """Says that it goes, if it was there."""
        if self.online:
            yield self._status("offline")
        self.online = False

    def _connect(self, at_s: float) -> Iterator[Message]:
        self.online = True
        if self._born_s is None:
            self._born_s = at_s
        yield self._status("online")
        yield self._slots(None)

    def _head(self, kind: str) -> dict[str, Any]:
        self._seqs[kind] = self._seqs.get(kind, -1) + 1
        return self.identity.head(self._seqs[kind])

    def _status(self, state: Literal["online", "offline"]) -> StatusMessage:
        return StatusMessage(**self._head("status"), state=state, labels=LABELS)

    def _window(self, number: int, end_s: float, pool: WindowPool) -> Iterator[Message]:
        result = self._result(pool.take(condition(self.changes, end_s)), number - 1, end_s)
        head = self.identity.head(number - 1)
        yield drift_message(head, CAMERA, result)
        yield Stats(**head, camera=CAMERA, pane=result.pane)

    def _result(self, judged: JudgedWindow, number: int, end_s: float) -> WindowResult:
        samples, end_ns = self.make.samples, self.make.wall_ns(end_s)
        first = number * samples
        return WindowResult(
            number=number,
            n=samples,
            first_seq=first,
            last_seq=first + samples - 1,
            start_ns=end_ns - round(self.make.interval_s * 1e9),
            end_ns=end_ns,
            verdict=judged.verdict,
            pane={**judged.pane, "first_seq": first, "last_seq": first + samples - 1},
        )

    def _roll_backs(self, at_s: float) -> Iterator[Message]:
        """In the window in which the script says so."""
        make = self.make
        for change in self.changes:
            if change.rolled_back and at_s - make.interval_s < change.at_s <= at_s:
                digest = _digest(make.model, make.version + 1)
                yield self._slots(
                    TrialOutcome(make.model, make.version + 1, digest, "rolled back", REASON, make.wall_ns(at_s))
                )

    def _slots(self, outcome: TrialOutcome | None) -> SlotsMessage:
        make = self.make
        slots = [Slot("A", make.model, make.version, _digest(make.model, make.version), "active"), Slot("B")]
        if outcome is not None:
            slots[1] = Slot("B", outcome.model, outcome.version, outcome.sha256, "bad")
        return SlotsMessage(**self._head("slots"), active="A", slots=tuple(slots), outcome=outcome)

    def _health(self, at_s: float) -> Message:
        now = [change for change in self.changes if change.strength(at_s)]
        trouble = Trouble(
            dropping=max((change.dropping for change in now), default=0.0),
            buffer_full=any(change.buffer_full for change in now),
        )
        warm_c = 52 + self.number % 17 + 2 * math.sin(at_s / 3600)
        uptime_s = at_s - (self._born_s or 0.0)
        return health(self._head("health"), self.make.samples / self.make.interval_s, uptime_s, warm_c, trouble)


@lru_cache
def _digest(model: str, version: int) -> str:
    return hashlib.sha256(f"{model} {version}".encode()).hexdigest()
