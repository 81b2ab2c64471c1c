"""Decisions in four holding registers, for a PLC that times the gate itself."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Callable
from typing import NamedTuple

from edge.gate.gate import Condition, UnchangedError
from edge.gate.modbus_device import Device, RefusedError
from edge.gate.slack import SlackHistogram
from edge.gate.tally import Tally
from edge.guard import GuardedThread, reason
from edge.judgement import Judgement

log = logging.getLogger(__name__)

STALE_S = 2.0
"""A decision that could not be delivered for so long is not delivered any more: its part is past the gate."""
RETRY_S = 0.1
_LISTEN_S = 0.5
_CLOSE_S = 5.0
_MAX_WAITING = 1000


class _Sent(NamedTuple):
    """A decision that was written without an answer: the PLC may have it."""

    judgement: Judgement
    values: list[int]


class RegisterGate:
    """Each decision is written at once, in one transaction of four holding registers: how many there were so far
    (high word, low word), 1 to reject or 0, and the part's number modulo 65,536. A PLC sees a new one by the count.

    A write whose answer was lost is read back, and written again with the same count where it did not arrive, so the
    PLC acts on it once. ``fired`` counts rejects that the PLC has; what the gate did, only the PLC knows.
    """

    def __init__(
        self,
        device: Device,
        register: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        start: bool = True,
    ) -> None:
        """Without ``start`` nothing is sent until :meth:`deliver` is called."""
        self.slack = SlackHistogram()
        self._device, self._register, self._clock, self._sleep = device, register, clock, sleep
        self._tally = Tally()
        self._waiting: queue.Queue[tuple[Judgement, float] | None] = queue.Queue(_MAX_WAITING)
        self._count = 0
        self._doubt: _Sent | None = None
        self._closed, self._problem = False, ""
        self._thread = GuardedThread(self._run, "gate", rescue=self._tell)
        if start:
            self._thread.start()

    def act(self, judgement: Judgement) -> None:
        self._tally.judged(judgement)
        if self._closed:
            self._miss(judgement, "closed")
            return
        try:
            self._waiting.put_nowait((judgement, self._clock()))
        except queue.Full:
            self._miss(judgement, "overrun")

    def counters(self) -> dict[str, int]:
        return self._tally.counters()

    def condition(self) -> Condition:
        return Condition(self._problem)

    def drive_off(self, within_s: float) -> bool:
        """The output is the PLC's: it alone can switch it."""
        return False

    def close(self) -> None:
        first, self._closed = not self._closed, True
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_S)
        if first and (left := self._tally.open):
            self._tally.missed("closed", left)
        self._device.close()

    # --- the thread ---

    def _run(self) -> None:
        while not self._closed:
            with contextlib.suppress(queue.Empty):
                if (item := self._waiting.get(timeout=_LISTEN_S)) is not None:
                    self.deliver(*item)
        self._end_doubt()

    def deliver(self, judgement: Judgement, since_s: float) -> None:
        """Writes a decision that was made then, until its fate is known or it is stale."""
        self._count += 1
        if self._clock() - since_s > STALE_S:
            self._miss(judgement, "output" if self._problem else "late")
            return
        reject = int(judgement.decision.reject)
        sent = _Sent(judgement, [self._count >> 16 & 0xFFFF, self._count & 0xFFFF, reject, judgement.part & 0xFFFF])
        while not self._try(sent):
            if self._closed or self._clock() - since_s > STALE_S:
                if self._doubt is not sent:  # else it is read back what became of it, once the PLC is there again
                    self._miss(judgement, "closed" if self._closed else "output")
                return
            self._sleep(RETRY_S)

    def _try(self, sent: _Sent) -> bool:
        """Whether its fate is known."""
        try:
            self._deliver(sent)
        except RefusedError as error:
            self._tell(error)
            self._miss(sent.judgement, "output")
        except OSError as error:
            self._tell(error)
            return False
        return True

    def _deliver(self, sent: _Sent) -> None:
        """Raises RefusedError, or OSError; then :attr:`_doubt` is it when the PLC may have it all the same."""
        doubt = self._doubt
        if doubt is not None:
            arrived = self._has_arrived(doubt)
            self._doubt = None
            if arrived:
                self._arrive(doubt)
            elif doubt is not sent:
                self._miss(doubt.judgement, "unconfirmed")
            if arrived and doubt is sent:
                return
        try:
            self._device.write_registers(self._register, sent.values)
        except UnchangedError:
            raise
        except OSError:
            self._doubt = sent
            raise
        self._arrive(sent)

    def _has_arrived(self, sent: _Sent) -> bool:
        """False also where these registers cannot be read: then it is written again, with the same count."""
        try:
            return self._device.read_registers(self._register, len(sent.values)) == sent.values
        except RefusedError:
            return False

    def _arrive(self, sent: _Sent) -> None:
        self._problem = ""
        if sent.judgement.decision.reject:
            self._tally.fired()

    def _miss(self, judgement: Judgement, reason: str) -> None:
        if judgement.decision.reject:
            self._tally.missed(reason)

    def _end_doubt(self) -> None:
        doubt, self._doubt = self._doubt, None
        if doubt is not None:
            self._miss(doubt.judgement, "unconfirmed")

    def _tell(self, error: BaseException) -> None:
        text = str(error) if isinstance(error, OSError) else reason(error)
        if not self._problem:
            log.warning("gate: %s", text)
        self._problem = text
