"""Pulses by the clock, for gates without a controller: so long after the frame, on a thread of its own.

Linux promises no microsecond: expect a pulse to be a few milliseconds off on a loaded device. The belt must run at
one speed, because time stands for way.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable

from edge.gate.gate import Condition
from edge.gate.slack import SlackHistogram
from edge.gate.tally import Tally
from edge.judgement import Judgement

log = logging.getLogger(__name__)

_MOST_WAITING = 10_000


class Pulses:
    """Calls ``output(True)`` when a rejected part is at the gate, and ``output(False)`` ``pulse_ns`` later."""

    def __init__(self, output: Callable[[bool], None], delay_ns: int, pulse_ns: int) -> None:
        """``output`` may raise OSError; the part then counts as missed."""
        self.tally = Tally()
        self.slack = SlackHistogram()
        self._output, self._delay_ns, self._pulse_ns = output, delay_ns, pulse_ns
        self._due: list[int] = []
        self._changed = threading.Condition()
        self._closed = False
        self.problem = ""
        """Why the output does not follow, as it said last."""
        self._open_until = 0
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)
        self._thread.start()

    def add(self, judgement: Judgement) -> None:
        """Costs microseconds, raises nothing."""
        self.tally.judged(judgement)
        due_ns = judgement.captured_ns + self._delay_ns
        slack_ns = due_ns - time.monotonic_ns()
        with self._changed:
            self.slack.add(slack_ns / 1e6)
            if not judgement.decision.reject:
                return
            if self._closed or slack_ns < -self._pulse_ns or len(self._due) >= _MOST_WAITING:
                self.tally.missed("closed" if self._closed else "late" if slack_ns < 0 else "overrun")
                return
            heapq.heappush(self._due, due_ns)
            self._changed.notify()

    def close(self) -> None:
        """Parts that are on their way count as missed; the output is off. Any number of times."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(2.0)

    def _run(self) -> None:
        while (due_ns := self._next()) is not None:
            self._switch(due_ns)
        if self._open_until:
            self._set(False)
        with self._changed:
            self.tally.missed("closed", len(self._due)) if self._due else None
            self._due.clear()

    def _next(self) -> int | None:
        """Waits for the next change: the time at which a part is due, 0 to close the gate, None at the end."""
        with self._changed:
            while not self._closed:
                now_ns = time.monotonic_ns()
                if self._due and self._due[0] <= now_ns:
                    return heapq.heappop(self._due)
                if self._open_until and self._open_until <= now_ns:
                    return 0
                times = [*self._due[:1], *([self._open_until] if self._open_until else [])]
                self._changed.wait((min(times) - now_ns) / 1e9 if times else None)
        return None

    def _switch(self, due_ns: int) -> None:
        if not due_ns:
            self._open_until = 0
            self._set(False)
        elif time.monotonic_ns() - due_ns > self._pulse_ns:
            self.tally.missed("late")
        elif self._set(True):
            self._open_until = due_ns + self._pulse_ns
            self.tally.fired()
        else:
            self.tally.missed("output")

    def _set(self, is_open: bool) -> bool:
        try:
            self._output(is_open)
        except OSError as error:
            if not self.problem:
                log.warning("gate: %s", error)
            self.problem = str(error)
            return False
        self.problem = ""
        return True


class PulsedGate:
    """What gates by the clock have in common: ``_output`` opens and closes them."""

    def __init__(self, delay_ms: float, pulse_ms: float) -> None:
        self._pulses = Pulses(self._output, round(delay_ms * 1e6), round(pulse_ms * 1e6))
        self.slack = self._pulses.slack

    def act(self, judgement: Judgement) -> None:
        self._pulses.add(judgement)

    def counters(self) -> dict[str, int]:
        return self._pulses.tally.counters()

    def condition(self) -> Condition:
        return Condition(self._pulses.problem)

    def close(self) -> None:
        """The gate is closed, then what it stands on is released."""
        self._pulses.close()
        self._release()

    def _output(self, is_open: bool) -> None:
        """Raises OSError when the gate does not follow."""
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError
