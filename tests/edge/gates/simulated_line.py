"""A coil's gate over a simulated PLC, in the PLC's time: parts and faults come, the process is stopped or killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.gates.modbus.device import REOPEN_S, Device
from edge.gates.plan import AGAIN_NS, RETRY_NS
from edge.gates.pulses import Pulses
from edge.inference.judgement import Judgement
from tests.edge.gates.simulated_plc import COIL, LATE_NS, MS, TIMEOUT_NS, SimulatedPlc

DELAY_NS = 100 * MS
BOUND_NS = TIMEOUT_NS + round(REOPEN_S * 1e9) + 2 * RETRY_NS + 20 * MS
"""From the moment at which the device can be reached to the off, beside the pulse: time-out, pause before reopening;
two pauses of our own and some requests' time."""
RESTART_NS = 300 * MS
Judge = Callable[..., Judgement]


class Line:
    """``edge run`` as far as its gate goes."""

    def __init__(self, plc: SimulatedPlc, judge: Judge, *, watched: bool = False, pulse_ms: int = 20) -> None:
        self.plc, self._judge, self._watched, self._pulse_ns = plc, judge, watched, pulse_ms * MS
        self._bound_ns = BOUND_NS + self._pulse_ns
        self.rejected = 0
        self.due: list[int] = []
        self.starts: list[int] = []
        self.problems: list[str] = []
        """What must not be."""
        self.pulses = self._start()

    def run_until(self, at_ns: int) -> None:
        """Steps, and starts anew after a kill."""
        while self.plc.now_ns < at_ns:
            if not self.pulses.step():
                wake_ns = self.pulses.wake_ns()
                self.plc.advance(at_ns if wake_ns is None else min(at_ns, max(wake_ns, self.plc.now_ns + 1)))
            self._look()
            if self.plc.killed:
                self._begin_again()

    def reject(self) -> None:
        """A part to reject is seen now."""
        self.due.append(self.plc.now_ns + DELAY_NS)
        self.pulses.add(self._judge(self.rejected, reject=True, captured_ns=self.plc.now_ns))
        self.rejected += 1

    def stop(self) -> None:
        """As SIGTERM, SIGINT and SIGHUP do, until it has ended by itself."""
        self.pulses.close()
        began_ns = self.plc.now_ns
        while not self.pulses.ended and not self.plc.killed:
            if not self.pulses.step():
                self.plc.advance(max(self.pulses.wake_ns() or 0, self.plc.now_ns + MS))
            self._look()
        if self.plc.now_ns - began_ns > 5000 * MS:
            self.problems.append("the stop takes longer than 5 s")
        if not self.plc.killed and self.plc.coil and not self.pulses.open_since_ns:
            self.problems.append("it ended with the coil on, and did not say so")
        self._settle()

    def start(self) -> None:
        """Begins anew, after :meth:`stop`."""
        self.plc.killed = False
        self.plc.advance(self.plc.now_ns + RESTART_NS)
        self.pulses = self._start()

    def check(self) -> None:
        """Raises AssertionError for anything that must not have been."""
        self._settle()
        on_ns: int | None = None
        for at_ns, value in [*self.plc.changes, (self.plc.now_ns, False)]:
            if value:
                on_ns = at_ns
            elif on_ns is not None:
                self._check_span(on_ns, at_ns)
                on_ns = None
        assert not self.plc.coil, "the coil is left on"
        assert self.pulses.is_off, "it does not know that the coil is off"
        assert not self.pulses.open_since_ns
        assert not self.problems, self.problems

    def _check_span(self, on_ns: int, off_ns: int) -> None:
        reasons = [on_ns, *(at_ns for at_ns in (*self.due, *self.starts) if at_ns <= off_ns)]
        last_ns = max(*reasons, self.plc.fault_ns if self.plc.fault_ns <= off_ns else on_ns)
        if self.plc.fault_ns > off_ns:  # a later fault: this span was under an earlier one
            last_ns = max(last_ns, off_ns - self._bound_ns)
        assert off_ns - last_ns <= self._bound_ns, f"on from {on_ns / MS} to {off_ns / MS} ms, {last_ns / MS}"

    def _look(self) -> None:
        """Whenever the gate is called off, it is; but for a write that a gateway has queued."""
        if self.pulses.is_off and self.plc.coil and self.plc.now_ns - self.plc.fault_ns > LATE_NS + AGAIN_NS:
            self.problems.append(f"called off while it is on, at {self.plc.now_ns / MS} ms")

    def _begin_again(self) -> None:
        self.due.clear()
        self.rejected = 0
        self.start()

    def _settle(self) -> None:
        counts = self.pulses.tally.counters()
        waiting = counts["rejected"] - counts["fired"] - counts["missed"]
        if waiting and (self.pulses.ended or not self.due or self.due[-1] + 10 * self._bound_ns < self.plc.now_ns):
            self.problems.append(f"{waiting} parts were neither fired nor missed: {counts}")

    def _start(self) -> Pulses:
        plc = self.plc
        plc.connected = False
        device = Device("plc", 1, plc, clock=lambda: plc.now_ns / 1e9)
        self.starts.append(plc.now_ns)
        beats = iter(range(1, 1 << 16))
        beat = (lambda: device.write_register(7, next(beats))) if self._watched else None

        def output(is_open: bool) -> None:
            device.write_coil(COIL, is_open)

        return Pulses(output, DELAY_NS, self._pulse_ns, beat=beat, clock=lambda: plc.now_ns)


def play(
    plc: SimulatedPlc,
    judge: Judge,
    script: Sequence[tuple[str, int, list[str]]],
    *,
    watched: bool = False,
    pulse_ms: int = 20,
) -> Line:
    """Each entry is an action, a wait after it in ms, and faults of requests from then on; then all is well for long
    enough. Actions are ``part``, ``stop``, ``wait``, and ``stop meanwhile`` and ``off meanwhile``: while the next
    request is under way."""
    line = Line(plc, judge, watched=watched, pulse_ms=pulse_ms)
    for action, wait_ms, faults in script:
        plc.faults += faults
        if "meanwhile" in action:
            plc.meanwhile = line.pulses.close if action == "stop meanwhile" else lambda: line.pulses.drive_off(0)
            line.reject()
            line.run_until(plc.now_ns + 125 * MS)
            if action == "stop meanwhile":
                line.stop()
                line.start()
        elif action == "part":
            line.reject()
        elif action == "stop":
            line.stop()
            line.start()
        line.run_until(plc.now_ns + wait_ms * MS)
    line.run_until(plc.now_ns + 1000 * MS)
    while plc.faults:  # those that no request has met yet
        line.reject()
        line.run_until(plc.now_ns + 1000 * MS)
    last_ns = max(line.due, default=0) + pulse_ms * MS
    while plc.now_ns < max(plc.fault_ns, last_ns) + 5000 * MS:
        line.run_until(plc.now_ns + 1000 * MS)
    return line
