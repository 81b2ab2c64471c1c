"""When an output is switched on and off: a state machine over times and outcomes, without thread, clock or device.

An output that is or may be on is **owed an off**. It is owed one from the start, for whoever ran before may have been
killed while it was on; from the moment an "on" is tried; and after anything went wrong. Each step is entered as if it
would fail, so that whoever dies between :meth:`PulsePlan.take` and the outcome leaves an off owed. Only an answer
that confirms an off pays it.
"""

from __future__ import annotations

import heapq
from typing import Literal, NamedTuple

from edge.gates.tally import GateTally

RETRY_NS = 100_000_000
"""Pause before an off that failed is sent again."""
AGAIN_NS = 1_000_000_000
"""An "on" whose answer was lost, or which a process sent that was killed, may still be under way, in a gateway that
queues: so long after it, and after the start, the off that was confirmed is sent once more."""
OVERDUE_NS = 1_000_000_000
"""An off that hangs for so long counts as one that failed."""
CLEAR_NS = 20_000_000
"""A sign of life is not sent when a pulse begins or ends within so long: it would make it late."""
MAX_WAITING = 10_000


class OutputStep(NamedTuple):
    """Step that is to be done now."""

    kind: Literal["on", "off", "beat"]
    at_ns: int = 0
    """When the part of an "on" is at the gate; when an "off" is sent."""


class PulsePlan:
    """Parts that are due, and what the output is owed. Used under its owner's lock; times are monotonic."""

    def __init__(
        self, now_ns: int, pulse_ns: int, tally: GateTally, *, self_closing: bool = False, beat_ns: int = 0
    ) -> None:
        """``self_closing``: the device ends each pulse itself. ``beat_ns``: between signs of life; 0: none."""
        self._pulse_ns, self._tally, self._self_closing, self._beat_every_ns = pulse_ns, tally, self_closing, beat_ns
        self._due: list[int] = []
        self._off_ns: int | None = now_ns
        """When the next off is to be sent; None: none is owed."""
        self._unsure = True
        """The off comes first: no "on" is tried before it is confirmed."""
        self._failed = False
        self._since_ns: int | None = now_ns
        """Since when the output may be on; None: it is known to be off."""
        self._until_ns = 0
        self._again_ns: int | None = now_ns + AGAIN_NS
        self._beat_at_ns = now_ns
        self._at_hand: OutputStep | None = None
        self._was_on = True
        self._closed = False
        self._tries_left = 1
        self._forced_ns: int | None = None
        """When an off was asked for that has not been sent and confirmed since."""

    @property
    def is_off(self) -> bool:
        """Whether the output is known to be off, and no off is under way."""
        return self._off_ns is None

    @property
    def settled(self) -> bool:
        """After :meth:`close`: the off is confirmed, or was tried once where the output was known to be off."""
        if self.is_off:
            return self._again_ns is None
        return self._since_ns is None and self._again_ns is None and self._tries_left <= 0

    @property
    def waiting(self) -> int:
        """Number of parts on their way."""
        return len(self._due)

    def open_since(self, now_ns: int) -> int | None:
        """Since when the output may be on although it should be off; None also while it is on for a part."""
        if self._since_ns is None or self._off_ns is None:
            return None
        return self._since_ns if self._failed or now_ns - self._off_ns > OVERDUE_NS else None

    def add(self, due_ns: int) -> bool:
        """A part will be at the gate; False when there is no room for it."""
        if len(self._due) >= MAX_WAITING:
            return False
        heapq.heappush(self._due, due_ns)
        return True

    def drive_off(self, now_ns: int) -> None:
        """An off is to be sent now, whatever is on, or is being switched on at this moment."""
        self._owe(now_ns)
        self._until_ns, self._forced_ns = 0, now_ns

    def close(self, now_ns: int) -> None:
        """Parts on their way are missed; an off is the last that is sent."""
        if self._closed:
            return
        self._closed, self._tries_left = True, 1
        if self._due:
            self._tally.missed("closed", len(self._due))
            self._due.clear()
        if self._failed:
            self._forced_ns = now_ns  # its next try is under way, or waits for its pause
        else:
            self.drive_off(now_ns)

    def broken(self, now_ns: int) -> None:
        """Whoever carried out the step at hand died over it."""
        if self._at_hand is not None:
            self.failed(self._at_hand, now_ns)
        self._failed = True
        self._owe(now_ns)

    # --- steps ---

    def take(self, now_ns: int) -> OutputStep | None:
        """The step that is due; its outcome is to be told before the next one is taken."""
        if self._unsure:
            self._give_up(now_ns)
            return self._begin_off(now_ns) if self._off_ns is not None and self._off_ns <= now_ns else None
        while self._due and self._due[0] <= now_ns:
            due_ns = heapq.heappop(self._due)
            if now_ns - due_ns <= self._pulse_ns:
                return self._begin_on(due_ns, now_ns)
            self._tally.missed("late")
        if _is_due(self._off_ns, now_ns) or (self._off_ns is None and _is_due(self._again_ns, now_ns)):
            return self._begin_off(now_ns)
        if self._beat_every_ns and self._beat_at_ns <= now_ns and self._has_time(now_ns):
            return self._begin(OutputStep("beat"))
        return None

    def wake_ns(self, now_ns: int) -> int | None:
        """When :meth:`take`, which has nothing now, may have something; None: not before something is added."""
        times = [self._off_ns] if self._off_ns is not None else []
        if self._unsure:
            times += [due_ns + self._pulse_ns + 1 for due_ns in self._due[:1]]
        else:
            times += self._due[:1]
            times += [self._again_ns] if self._again_ns is not None and self._off_ns is None else []
            # One that had to make room for a pulse is looked at again after that.
            times += [self._beat_at_ns] if self._beat_every_ns and self._beat_at_ns > now_ns else []
        return min(times, default=None)

    def confirmed(self, step: OutputStep, now_ns: int) -> None:
        """The device has answered that it is done."""
        self._at_hand, self._failed, self._unsure = None, False, False
        if step.kind == "beat":
            self._beat_at_ns = now_ns + self._beat_every_ns
        elif step.kind == "off" or self._self_closing:
            self._off_ns = self._since_ns = None
            self._until_ns = 0
        else:
            self._until_ns = max(self._until_ns, step.at_ns + self._pulse_ns)
            self._off_ns = self._until_ns
        if step.kind == "on":
            self._tally.fired()
        elif step.kind == "off":
            self._again_ns = None if _is_due(self._again_ns, step.at_ns) else self._again_ns
            self._forced_ns = None if _is_due(self._forced_ns, step.at_ns) else self._forced_ns
        if self._forced_ns is not None:
            self._owe(now_ns)

    def failed(self, step: OutputStep, now_ns: int, *, unchanged: bool = False) -> None:
        """No answer, a wrong one, or an error. ``unchanged``: the output is certainly as it was."""
        self._at_hand, self._failed = None, True
        self._tries_left -= 1
        if step.kind == "off":
            self._owe(now_ns + RETRY_NS)
            if self._again_ns is not None and self._since_ns is None:
                self._since_ns = now_ns
            return
        self._owe(now_ns)
        if step.kind == "beat":
            self._beat_at_ns = now_ns + self._beat_every_ns
            return
        self._tally.missed("output")
        if not unchanged:
            self._again_ns = now_ns + AGAIN_NS
        elif not self._was_on:
            self._since_ns = None

    def _begin_on(self, due_ns: int, now_ns: int) -> OutputStep:
        self._was_on = self._since_ns is not None
        if self._since_ns is None:
            self._since_ns = now_ns
        self._owe(now_ns)
        return self._begin(OutputStep("on", due_ns))

    def _begin_off(self, now_ns: int) -> OutputStep:
        self._owe(now_ns)
        return self._begin(OutputStep("off", now_ns))

    def _begin(self, step: OutputStep) -> OutputStep:
        self._at_hand = step
        return step

    def _owe(self, at_ns: int) -> None:
        self._off_ns, self._unsure = at_ns, True

    def _give_up(self, now_ns: int) -> None:
        """Parts that passed the gate while it could not be told to be off."""
        while self._due and now_ns - self._due[0] > self._pulse_ns:
            heapq.heappop(self._due)
            self._tally.missed("output")

    def _has_time(self, now_ns: int) -> bool:
        change_ns = min([*self._due[:1], *([self._off_ns] if self._off_ns is not None else [])], default=None)
        late = now_ns - self._beat_at_ns > self._beat_every_ns
        return late or change_ns is None or change_ns - now_ns > CLEAR_NS


def _is_due(at_ns: int | None, now_ns: int) -> bool:
    return at_ns is not None and at_ns <= now_ns
