"""Decisions in four holding registers, for a PLC that times the gate itself."""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from edge.core.guard import GuardedThread, reason
from edge.gates.gate import GateCondition, UnchangedError
from edge.gates.modbus.device import Device, DeviceRefusedError
from edge.gates.slack import SlackHistogram
from edge.gates.tally import GateTally
from edge.inference.judgement import Judgement

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
    number: int
    """Counted by this process, from 1."""


class RegisterGate:
    """Each decision is written at once, in one transaction of four holding registers: how many there were so far
    (high word, low word), 1 to reject or 0, and the part's number modulo 65,536. A PLC sees a new one by the count.

    The count goes on from what the registers hold: a PLC would not see a first decision that has the count of the
    last one before a restart.

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
        self._tally = GateTally()
        self._waiting: queue.Queue[tuple[Judgement, float] | None] = queue.Queue(_MAX_WAITING)
        self._number = 0
        self._base: int | None = None
        """Count that the PLC had before; None until it was asked."""
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

    def condition(self) -> GateCondition:
        return GateCondition(self._problem)

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
        with contextlib.suppress(OSError):  # else with the first decision, which says what is wrong
            self._learn_base()
        while not self._closed:
            with contextlib.suppress(queue.Empty):
                if (item := self._waiting.get(timeout=_LISTEN_S)) is not None:
                    self.deliver(*item)
        self._end_doubt()

    def deliver(self, judgement: Judgement, since_s: float) -> None:
        """Writes a decision that was made then, until its fate is known or it is stale."""
        self._number += 1
        if self._clock() - since_s > STALE_S:
            self._miss(judgement, "output" if self._problem else "late")
            return
        sent = _Sent(judgement, self._number)
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
        except DeviceRefusedError as error:
            self._tell(error)
            self._miss(sent.judgement, "output")
        except OSError as error:
            self._tell(error)
            return False
        return True

    def _deliver(self, sent: _Sent) -> None:
        """Raises RefusedError, or OSError; then :attr:`_doubt` is it when the PLC may have it all the same."""
        self._learn_base()
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
            self._device.write_registers(self._register, self._values(sent))
        except UnchangedError:
            raise
        except OSError:
            self._doubt = sent
            raise
        self._arrive(sent)

    def _has_arrived(self, sent: _Sent) -> bool:
        """False also where these registers cannot be read: then it is written again, with the same count."""
        try:
            values = self._values(sent)
            return self._device.read_registers(self._register, len(values)) == values
        except DeviceRefusedError:
            return False

    def _learn_base(self) -> None:
        """Asks the PLC once; registers that cannot be read begin anywhere. Raises OSError."""
        if self._base is None:
            try:
                high, low = self._device.read_registers(self._register, 2)
                self._base = high << 16 | low
            except DeviceRefusedError:
                self._base = random.getrandbits(32)

    def _values(self, sent: _Sent) -> list[int]:
        count = (self._base or 0) + sent.number
        reject = int(sent.judgement.decision.reject)
        return [count >> 16 & 0xFFFF, count & 0xFFFF, reject, sent.judgement.part & 0xFFFF]

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
