"""A controller in the hands of a person: what ``edge gate`` asks of it."""

from __future__ import annotations

import queue
import time
from types import TracebackType

from edge.errors import GateError
from edge.gates.controller.link import BEAT_NS, ControllerEvent, ControllerLink
from edge.gates.controller.port import Port
from edge.gates.controller.protocol import (
    FIRE_TEST,
    Ack,
    ControllerConfig,
    ControllerFault,
    ControllerMessage,
    ControllerStatus,
    FaultReport,
    Fire,
    Fired,
    Flag,
    Nak,
    Refusal,
    Trigger,
)

_ANSWER_S = 3.0
_SETTLE_S = 3 * BEAT_NS / 1e9


class ControllerConsole:
    """A context: the controller answers within it. ``status`` is what it said at the start."""

    def __init__(self, port: Port, config: ControllerConfig | None = None) -> None:
        """Without ``config`` the controller is left as it is set. Raises GateError on entry if nothing answers."""
        self._events: queue.Queue[ControllerEvent | Refusal] = queue.Queue()
        self._statuses: queue.Queue[ControllerStatus] = queue.Queue()
        self.link = ControllerLink(port, config, self)

    def __enter__(self) -> ControllerConsole:
        self.link.start()
        until = time.monotonic() + _ANSWER_S
        while self.link.state != "up" or self.link.clock.samples < 2:
            unopened = self.link.state == "closed" and self.link.problem
            if unopened or time.monotonic() > until:
                self.link.close()
                raise GateError(self.link.problem or self.link.unanswered)
            time.sleep(0.01)
        time.sleep(_SETTLE_S)
        self.status = self._statuses.get_nowait()
        self._forget()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.link.close()

    @property
    def flags(self) -> Flag:
        return Flag(self.link.flags)

    @property
    def faults(self) -> tuple[str, ...]:
        """In words, those that last."""
        return tuple(fault.words for fault in ControllerFault if Flag[fault.name] in self.flags)

    def fire(self) -> int:
        """Opens the gate once; returns the tick. Raises GateError when it does not, or its feedback says so."""
        self._forget()
        self.link.post(Fire(0))
        tick = self._await_fired()
        time.sleep(_SETTLE_S)
        while not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, FaultReport) and event.kind == ControllerFault.GATE_STUCK and event.active:
                raise GateError("the gate does not follow: its feedback input stays as it was; check air and wiring")
        return tick

    def trigger_ticks(self) -> list[int]:
        """Ticks of the parts that passed the photo-eye since the last call."""
        ticks = []
        while not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, Trigger):
                ticks.append(event.tick)
        return ticks

    def tick(self) -> int:
        """The encoder's count now, on a belt that stands. Raises GateError when the controller falls silent."""
        asked_ns, until = time.monotonic_ns(), time.monotonic() + _ANSWER_S
        while self.link.clock.seen_ns < asked_ns + BEAT_NS:
            if time.monotonic() > until:
                raise GateError(self.link.unanswered)
            time.sleep(0.01)
        return self.link.clock.tick

    def _await_fired(self) -> int:
        until = time.monotonic() + _ANSWER_S
        while (left := until - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(event, Fired) and event.part == FIRE_TEST:
                return event.tick
            if isinstance(event, Refusal):
                raise GateError(f"the controller refuses to fire (reason {Nak(event.reason).name.lower()})")
        raise GateError(self.link.unanswered)

    def _forget(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()

    # --- the link's owner ---

    def on_session(self, status: ControllerStatus, restarted: bool) -> None:
        self._statuses.put(status)

    def on_event(self, event: ControllerEvent) -> None:
        self._events.put(event)

    def on_answer(self, request: ControllerMessage, answer: Ack | Refusal) -> None:
        if isinstance(answer, Refusal):
            self._events.put(answer)

    def step(self, now_ns: int) -> bool:
        """Somebody looks on."""
        return True
