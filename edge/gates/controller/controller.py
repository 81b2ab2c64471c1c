"""``serial://``: the line controller fires the gate, this side tells it which parts."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from edge.gates.controller.clock import signed
from edge.gates.controller.link import ControllerEvent, ControllerLink
from edge.gates.controller.pairing import Pairing, PendingPart
from edge.gates.controller.port import Port
from edge.gates.controller.protocol import (
    FIRE_TEST,
    Ack,
    Action,
    ControllerConfig,
    ControllerFault,
    ControllerMessage,
    ControllerStatus,
    FaultReport,
    Fired,
    Flag,
    LatePart,
    Nak,
    Pass,
    Refusal,
    Reject,
    Trigger,
)
from edge.gates.gate import GateCondition
from edge.gates.slack import SlackHistogram
from edge.gates.tally import GateTally
from edge.inference.judgement import Judgement

log = logging.getLogger(__name__)

_MAX_WAITING = 10_000
_MIN_WAIT_NS = 200_000_000
_USUAL_WAIT_NS = 1_000_000_000
_MAX_WAIT_NS = 30_000_000_000
_FORGET_NS = 200_000_000
"""Parts are forgotten so often, many at once."""
_SETTLED_NS = 1_000_000_000
"""Events of a part have arrived so long after it was at the gate, unless the link is down."""
_LINGER_S = 1.0
_GREETING_NS = 1_000_000_000
"""A controller that is there has answered by then."""
_NAMED = 10
_OPEN_NS = 5_000_000_000
"""A gate that its controller states open for so long is open for no part. Only the controller can close it."""


class GateOutcome(NamedTuple):
    """Outcome of a judgement to reject."""

    judgement: Judgement
    fired: int | None
    """Encoder tick at which the gate opened for it, as the controller reports."""
    missed: str
    """The reason if it did not, else empty: ``late``, ``full`` or ``unknown`` (the controller's words), ``unpaired``
    (no trigger came for this frame), ``link`` (nor could one), ``reset`` (the controller restarted meanwhile),
    ``unconfirmed`` (no report came), ``overrun``, ``closed``."""


class _Waiting(NamedTuple):
    judgement: Judgement
    decided_ns: int


class SerialGate:
    """A gate behind a line controller, see ``firmware_stubs/README.md``.

    Beside those that every gate has, the counters are ``late`` (parts that reached the gate without a decision),
    ``unpaired_triggers``, ``unpaired_frames``, ``at_risk`` (parts underway when the controller restarted),
    ``restarts``, ``links_lost``, ``events_lost``, ``faults``, ``fired_undecided``, and ``connected`` (0 or 1).
    """

    def __init__(
        self,
        port: Port,
        config: ControllerConfig,
        *,
        tolerance_ms: float = 20.0,
        delay_ms: float = 0.0,
        cameras: int = 1,
        listener: Callable[[GateOutcome], None] | None = None,
        start: bool = True,
    ) -> None:
        """``cameras`` judge each part; it passes when all say so. ``listener`` is called on the link's thread."""
        self.slack = SlackHistogram()
        self.at_risk: tuple[int, ...] = ()
        """The controller's numbers of the parts that were underway when it last restarted."""
        self.faults: frozenset[ControllerFault] = frozenset()
        """Those that are active."""
        self.status: ControllerStatus | None = None
        """The controller's, at the start of its session."""
        self._tally = GateTally()
        self._new: deque[_Waiting] = deque()
        self._waiting: list[_Waiting] = []
        self._tolerance_ns = round(tolerance_ms * 1e6)
        self._pairing = Pairing(self._tolerance_ns, round(delay_ms * 1e6))
        self._triggers: list[Trigger] = []
        self._distance, self._cameras, self._listener = config.distance, cameras, listener
        self._booted_ns = self._forget_ns = 0
        self._closed = False
        self._open_ns = 0
        self.link = ControllerLink(port, config, self)
        if start:
            self.link.start()

    def act(self, judgement: Judgement) -> None:
        """Costs microseconds; all else is done on the link's thread."""
        if self._closed or len(self._new) >= _MAX_WAITING:
            self._tally.judged(judgement)
            self._miss(judgement, "closed" if self._closed else "overrun")
            return
        self._new.append(_Waiting(judgement, time.monotonic_ns()))
        self.link.wake()

    def counters(self) -> dict[str, int]:
        return self._tally.counters() | {
            "connected": int(self.link.state == "up"),
            "links_lost": self.link.lost,
            "events_lost": self.link.lost_events,
        }

    def condition(self) -> GateCondition:
        faults = tuple(fault.words for fault in sorted(self.faults))
        version, boots = (self.status.version, self.status.boots) if self.status else ("", 0)
        return GateCondition(self._problem(), faults, version, boots, self._open_since_ns())

    def _open_since_ns(self) -> int:
        lasted_ns = time.monotonic_ns() - self._open_ns if self._open_ns else 0
        return time.time_ns() - lasted_ns if lasted_ns > _OPEN_NS else 0

    def drive_off(self, within_s: float) -> bool:
        """The controller ends each pulse itself; whether it states the gate closed within so many seconds."""
        until = time.monotonic() + within_s
        while not (is_closed := self.link.state == "up" and not self.link.flags & Flag.GATE_OPEN):
            if time.monotonic() > until:
                break
            time.sleep(0.02)
        return is_closed

    def _problem(self) -> str:
        link = self.link
        if link.problem or link.state != "greeting" or time.monotonic_ns() - link.greeted_ns < _GREETING_NS:
            return link.problem
        return link.unanswered

    def close(self) -> None:
        """Waits up to a second for reports of parts that are on their way to the gate."""
        until = time.monotonic() + _LINGER_S
        while (
            not self._closed
            and self.link.state == "up"
            and (self._new or self._tally.open)
            and time.monotonic() < until
        ):
            time.sleep(0.01)
        self._closed = True
        self.link.close()
        for part in self._pairing.clear():
            self._end(part, "closed")
        for judgement, _ in self._new:
            self._tally.judged(judgement)
        for judgement, _ in [*self._waiting, *self._new]:
            self._miss(judgement, "closed")
        self._waiting.clear()
        self._new.clear()

        if left := self._tally.open:  # an error took them off their way
            self._tally.missed("closed", left)

    # --- the link's owner ---

    def step(self, now_ns: int) -> bool:
        self._open_ns = (self._open_ns or now_ns) if self.link.flags & Flag.GATE_OPEN else 0
        if self._triggers:
            self._place_triggers()
        while self._new:
            waiting = self._new.popleft()
            self._tally.judged(waiting.judgement)
            if not self._pair(waiting):
                self._waiting.append(waiting)
        if self._waiting:
            self._give_up_waiting(now_ns)
        if now_ns >= self._forget_ns:
            self._forget_ns = now_ns + _FORGET_NS
            if self.link.state == "up" and now_ns - self.link.up_since_ns > _SETTLED_NS:
                self._forget_settled(now_ns)
        return bool(self._waiting)

    def on_session(self, status: ControllerStatus, restarted: bool) -> None:
        self.status, self.faults = status, frozenset()
        self._booted_ns = time.monotonic_ns() - status.uptime_ms * 1_000_000
        parts = self._pairing.clear()
        self._tally.add("unpaired_triggers", len(self._triggers))
        self._triggers.clear()
        if restarted:
            self._tally.add("restarts")
            tick = self.link.clock.tick_at(self._booted_ns)
            self.at_risk = tuple(part.number for part in parts if not part.settled and signed(part.due - tick) > 0)
            self._tally.add("at_risk", len(self.at_risk))
            log.warning("gate: the controller restarted; %s", _at_risk(self.at_risk))
        for part in parts:
            self._end(part, "reset")

    def on_event(self, event: ControllerEvent) -> None:
        if isinstance(event, Trigger):
            self._triggers.append(event)  # placed by step
            return
        self._place_triggers()
        if isinstance(event, FaultReport):
            self._on_fault(event)
        elif event.part != FIRE_TEST and (part := self._pairing.find(event.part)):
            self._on_gate(part, event)

    def on_answer(self, request: ControllerMessage, answer: Ack | Refusal) -> None:
        """PAST says nothing yet: the part may have been fired, and only the answer was lost. Its event will tell."""
        if isinstance(request, Reject) and isinstance(answer, Refusal) and answer.reason != Nak.PAST:
            part = self._pairing.find(request.part)
            if part is not None and not part.settled:
                part.missed = _reason(answer.reason)
                self._settle(part)

    # --- parts and frames ---

    def _place_triggers(self) -> None:
        """Into this device's time, once the controller's clock is known well enough not to mistake parts."""
        clock = self.link.clock
        if not self._triggers or clock.delay_ns > self._tolerance_ns:
            return
        for trigger in self._triggers:
            due = (trigger.tick + self._distance) & 0xFFFFFFFF
            self._pairing.add(PendingPart(trigger.part, due, clock.host_ns(trigger.time_us)))
        self._triggers.clear()
        if self._waiting:
            self._waiting = [waiting for waiting in self._waiting if not self._pair(waiting)]

    def _pair(self, waiting: _Waiting) -> bool:
        part = self._pairing.pair(waiting.judgement)
        if part is None:
            return False
        self._measure_slack(part, waiting.decided_ns)
        if part.settled:
            self._settle(part)
        elif waiting.judgement.decision.reject:
            self._tell(part, "reject")
        elif len(part.judgements) >= self._cameras:
            self._tell(part, "pass")
        return True

    def _tell(self, part: PendingPart, verdict: str) -> None:
        if part.sent in ("reject", verdict):
            return
        part.sent = verdict
        message = Reject if verdict == "reject" else Pass
        self.link.request(message(self.link.session, part.number, part.due))

    def _measure_slack(self, part: PendingPart, decided_ns: int) -> None:
        clock = self.link.clock
        if clock.ticks_per_s > 0:
            self.slack.add(signed(part.due - clock.tick_at(decided_ns)) * 1000 / clock.ticks_per_s)

    def _on_gate(self, part: PendingPart, event: Fired | LatePart) -> None:
        if isinstance(event, Fired):
            part.fired = event.tick
            if not part.reject:
                self._tally.add("fired_undecided")
        else:
            self._tally.add("late")
            if event.action == Action.PASS:  # else FIRED follows
                part.missed = "late"
        self._settle(part)

    def _settle(self, part: PendingPart) -> None:
        """The part was fired or missed: so were all judgements to reject it."""
        if not part.settled:
            return
        for judgement in part.judgements:
            if judgement.decision.reject and part.fired is not None:
                self._tally.fired()
                self._report(GateOutcome(judgement, part.fired, ""))
            else:
                self._miss(judgement, part.missed)
            part.sent = part.sent or "late"
        part.judgements.clear()

    def _end(self, part: PendingPart, reason: str) -> None:
        """No more will be heard of it."""
        if not part.judgements and not part.sent:
            self._tally.add("unpaired_triggers")
        part.missed = part.missed or reason
        self._settle(part)

    def _give_up_waiting(self, now_ns: int) -> None:
        """Frames for which no trigger comes any more."""
        kept = []
        for waiting in self._waiting:
            reason = self._hopeless(waiting, now_ns)
            if not reason:
                kept.append(waiting)
                continue
            self._tally.add("unpaired_frames")
            self._miss(waiting.judgement, reason)
        self._waiting = kept

    def _hopeless(self, waiting: _Waiting, now_ns: int) -> str:
        up = self.link.state == "up"
        if up and waiting.judgement.captured_ns < self._booted_ns:
            return "reset"
        speed = self.link.clock.ticks_per_s
        wait_ns = round(self._distance / speed * 1e9) if speed > 0 else _USUAL_WAIT_NS
        if now_ns - waiting.decided_ns <= min(max(wait_ns, _MIN_WAIT_NS), _MAX_WAIT_NS):
            return ""
        return "unpaired" if up else "link"

    def _forget_settled(self, now_ns: int) -> None:
        tick = self.link.clock.tick_at(now_ns - _SETTLED_NS)
        while (part := self._pairing.oldest()) and signed(tick - part.due) > 0:
            self._end(part, "unconfirmed")
            self._pairing.remove(part)

    def _miss(self, judgement: Judgement, reason: str) -> None:
        if judgement.decision.reject:
            self._tally.missed(reason)
            self._report(GateOutcome(judgement, None, reason))

    def _report(self, outcome: GateOutcome) -> None:
        if self._listener is None:
            return
        try:
            self._listener(outcome)
        except Exception:
            log.exception("gate: its listener failed; the gate goes on")

    def _on_fault(self, report: FaultReport) -> None:
        if report.kind not in list(ControllerFault):
            return
        fault = ControllerFault(report.kind)
        name = fault.words
        if report.active:
            self.faults |= {fault}
            self._tally.add("faults")
            log.warning("gate: %s, at tick %d", name, report.tick)
        else:
            self.faults -= {fault}
            log.info("gate: no longer %s", name)


def _reason(number: int) -> str:
    return Nak(number).name.lower() if number in list(Nak) else f"refused_{number}"


def _at_risk(parts: tuple[int, ...]) -> str:
    if not parts:
        return "no part was between photo-eye and gate"
    named = ", ".join(map(str, parts[:_NAMED])) + (" …" if len(parts) > _NAMED else "")
    return f"parts {named} were between photo-eye and gate and may have passed unjudged"
