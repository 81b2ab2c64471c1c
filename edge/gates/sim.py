"""``sim://``: a gate that only remembers."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from edge.gates.gate import GateCondition
from edge.gates.slack import SlackHistogram
from edge.gates.tally import GateTally
from edge.inference.judgement import Judgement


@dataclass(frozen=True, slots=True)
class SimulatedOptions:
    delay_ms: float = field(default=0.0, metadata={"min": 0.0, "max": 60_000.0})
    """A part is at the gate so long after its frame was taken; 0: whenever it was judged."""


class SimulatedGate:
    """Remembers what it would have blown off: ``fired`` counts, ``last`` holds the numbers of the latest parts.

    With ``sim://?delay_ms=800`` the gate is 800 ms behind the camera: slack is measured, and a decision that comes
    later misses its part.
    """

    def __init__(self, options: SimulatedOptions | None = None) -> None:
        self.slack = SlackHistogram()
        self.fired = 0
        self.passed = 0
        self.last: deque[int] = deque(maxlen=1000)
        self._delay_ns = round((options or SimulatedOptions()).delay_ms * 1e6)
        self._tally = GateTally()
        self._lock = threading.Lock()

    def act(self, judgement: Judgement) -> None:
        with self._lock:
            self._tally.judged(judgement)
            slack_ns = judgement.captured_ns + self._delay_ns - time.monotonic_ns()
            if self._delay_ns:
                self.slack.add(slack_ns / 1e6)
            if not judgement.decision.reject:
                self.passed += 1
            elif self._delay_ns and slack_ns < 0:
                self._tally.missed("late")
            else:
                self._tally.fired()
                self.fired += 1
                self.last.append(judgement.part)

    def counters(self) -> dict[str, int]:
        return self._tally.counters()

    def condition(self) -> GateCondition:
        """Always well."""
        return GateCondition()

    def drive_off(self, within_s: float) -> bool:
        """Nothing is ever on."""
        return True

    def close(self) -> None:
        """Nothing to release."""
