"""Pulses by the clock, for gates without a controller: so long after the frame, on a thread of its own.

Linux promises no microsecond: expect a pulse to be a few milliseconds off on a loaded device. The belt must run at
one speed, because time stands for way. What the output is owed, :mod:`edge.gates.plan` knows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from edge.core.guard import GuardedThread, reason
from edge.gates.gate import GateCondition, UnchangedError
from edge.gates.plan import OutputStep, PulsePlan
from edge.gates.slack import SlackHistogram
from edge.gates.tally import GateTally
from edge.inference.judgement import Judgement

log = logging.getLogger(__name__)

CLOSE_S = 3.0
"""Longest wait of the end for an off to be confirmed: two time-outs and two pauses before reopening."""
_HANG_S = 1.5
"""… and for a call that was under way when that time was up."""
BEAT_NS = 500_000_000


class Pulses:
    """Calls ``output(True)`` when a rejected part is at the gate, and ``output(False)`` ``pulse_ns`` later, and again
    until that raises nothing; first of all it calls ``output(False)``.
    """

    def __init__(
        self,
        output: Callable[[bool], None],
        delay_ns: int,
        pulse_ns: int,
        *,
        beat: Callable[[], None] | None = None,
        self_closing: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``output`` raises UnchangedError when the device is certainly as it was, and anything else when it is not
        known what the device did; the part then counts as missed. ``beat`` is called every BEAT_NS while all is well.
        """
        self.tally = GateTally()
        self.slack = SlackHistogram()
        self._output, self._beat, self._clock = output, beat, clock
        self._delay_ns, self._pulse_ns = delay_ns, pulse_ns
        self._plan = PulsePlan(
            clock(), pulse_ns, self.tally, self_closing=self_closing, beat_ns=BEAT_NS if beat is not None else 0
        )
        self._changed = threading.Condition()
        self._close_by_ns: int | None = None
        self._problems = {"output": "", "beat": ""}
        self._thread = GuardedThread(self._run, "gate", rescue=self._rescue)

    def start(self) -> None:
        """Begins, with an off."""
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why the output does not follow, as it said last."""
        return self._problems["output"] or self._problems["beat"]

    @property
    def is_off(self) -> bool:
        """Whether the output is known to be off."""
        with self._changed:
            return self._plan.is_off

    @property
    def open_since_ns(self) -> int:
        """Wall clock since which the output may be on although it should be off; 0: it is known not to be."""
        with self._changed:
            since_ns = self._plan.open_since(self._clock())
        return 0 if since_ns is None else max(1, since_ns + time.time_ns() - self._clock())

    def add(self, judgement: Judgement) -> None:
        """Costs microseconds, raises nothing."""
        due_ns = judgement.captured_ns + self._delay_ns
        slack_ns = due_ns - self._clock()
        with self._changed:
            self.tally.judged(judgement)
            self.slack.add(slack_ns / 1e6)
            if not judgement.decision.reject:
                return
            if self._close_by_ns is not None:
                self.tally.missed("closed")
            elif slack_ns < -self._pulse_ns:
                self.tally.missed("late")
            elif self._plan.add(due_ns):
                self._changed.notify()
            else:
                self.tally.missed("overrun")

    def drive_off(self, within_s: float) -> bool:
        """Ends a pulse under way; whether the off was confirmed within so many seconds."""
        with self._changed:
            if self._close_by_ns is None:
                self._plan.drive_off(self._clock())
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._plan.is_off, within_s)

    def close(self) -> None:
        """Parts that are on their way count as missed; the output is off, or it is said that it may not be. Takes
        CLOSE_S and the time of one call at most. Any number of times."""
        with self._changed:
            first = self._close_by_ns is None
            if first:
                self._close_by_ns = self._clock() + round(CLOSE_S * 1e9)
                self._plan.close(self._clock())
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_S + _HANG_S)
        with self._changed:
            if left := self.tally.open:  # those whose thread died over them
                self.tally.missed("closed", left)
        if first and self.open_since_ns:
            log.error("gate: its off was not confirmed until the end (%s); it MAY STILL BE OPEN", self.problem or "?")

    # --- the thread ---

    def step(self) -> bool:
        """Does what is due now; False when nothing was."""
        with self._changed:
            step = self._plan.take(self._clock())
        if step is not None:
            self._do(step)
        return step is not None

    def _run(self) -> None:
        while not self.ended:
            if not self.step():
                self._wait()

    @property
    def ended(self) -> bool:
        """It was closed, and its off is confirmed or the time for that is up."""
        with self._changed:
            close_by_ns = self._close_by_ns
            return close_by_ns is not None and (self._plan.settled or self._clock() >= close_by_ns)

    def wake_ns(self) -> int | None:
        """When :meth:`step` will have something to do, unless something is added; None: never."""
        with self._changed:
            return self._plan.wake_ns(self._clock())

    def _wait(self) -> None:
        with self._changed:
            now_ns = self._clock()
            wake_ns = self._plan.wake_ns(now_ns)
            if wake_ns is None or wake_ns > now_ns:
                self._changed.wait(None if wake_ns is None else (wake_ns - now_ns) / 1e9)

    def _do(self, step: OutputStep) -> None:
        """Whatever a library raises, SystemExit too, leaves the output owed an off and this thread alive."""
        try:
            if step.kind == "beat":
                assert self._beat is not None
                self._beat()
            else:
                self._output(step.kind == "on")
        except BaseException as error:
            self._tell_failed(step, error)
        else:
            self._tell_confirmed(step)

    def _tell_confirmed(self, step: OutputStep) -> None:
        self._problems["beat" if step.kind == "beat" else "output"] = ""
        with self._changed:
            now_ns = self._clock()
            since_ns = self._plan.open_since(now_ns)
            self._plan.confirmed(step, now_ns)
            self._changed.notify_all()
        if since_ns is not None and self._plan.is_off:
            log.warning("gate: known to be off; it may have been open for %.1f s", (now_ns - since_ns) / 1e9)

    def _tell_failed(self, step: OutputStep, error: BaseException) -> None:
        text = str(error) if isinstance(error, OSError) else reason(error)
        kind = "beat" if step.kind == "beat" else "output"
        if not self._problems[kind]:
            log.warning("gate: %s", text)
        self._problems[kind] = text
        with self._changed:
            now_ns = self._clock()
            was_open = self._plan.open_since(now_ns) is not None
            self._plan.failed(step, now_ns, unchanged=isinstance(error, UnchangedError))
            is_open = self._plan.open_since(now_ns) is not None
        if is_open and not was_open:
            log.warning("gate: may be open; it is driven off until that is confirmed")

    def _rescue(self, error: BaseException) -> None:
        self._problems["output"] = reason(error)
        with self._changed:
            self._plan.broken(self._clock())


class PulsedGate:
    """Common part of gates by the clock: ``_output`` opens and closes them."""

    def __init__(
        self,
        delay_ms: float,
        pulse_ms: float,
        *,
        beat: Callable[[], None] | None = None,
        self_closing: bool = False,
        start: bool = True,
    ) -> None:
        """``beat``, ``self_closing``: see :class:`Pulses`. Without ``start`` the output is left as it is."""
        self._pulses = Pulses(
            self._output, round(delay_ms * 1e6), round(pulse_ms * 1e6), beat=beat, self_closing=self_closing
        )
        self.slack = self._pulses.slack
        if start:
            self._pulses.start()

    def act(self, judgement: Judgement) -> None:
        self._pulses.add(judgement)

    def counters(self) -> dict[str, int]:
        return self._pulses.tally.counters()

    def condition(self) -> GateCondition:
        return GateCondition(self._pulses.problem, open_since_ns=self._pulses.open_since_ns)

    def drive_off(self, within_s: float) -> bool:
        return self._pulses.drive_off(within_s)

    def close(self) -> None:
        """The gate is closed, then what it stands on is released."""
        self._pulses.close()
        self._release()

    def _output(self, is_open: bool) -> None:
        """Raises UnchangedError when the gate is as it was, anything else when it is not known to follow."""
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError
