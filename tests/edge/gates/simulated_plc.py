"""A PLC in a time of its own, in the place of pymodbus' client: it knows the truth, and fails as it is told.

The real :class:`~edge.gates.modbus.device.Device` and :class:`~edge.gates.pulses.Pulses` stand on it, so a pulse with
its faults takes microseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

MS = 1_000_000
TIMEOUT_NS = 500 * MS
FAULTS = (
    "ok",
    "request lost",
    "answer lost",
    "answer late",
    "answer wrong",
    "done late",
    "link lost before",
    "link lost after",
    "away",
    "refused",
    "restarts",
    "restarts on",
    "raises before",
    "raises after",
    "exits",
    "killed before",
    "killed after",
)
"""What a request may meet. ``done late``: a gateway queues it, and it is done after its time-out; ``restarts on``:
the coil is retentive."""
AWAY_NS = 3000 * MS
LATE_NS = 400 * MS
"""After the time-out."""
COIL = 3


class Killed(BaseException):
    """The process is gone, wherever it was."""


@dataclass
class SimulatedPlc:
    """pymodbus' client and the PLC behind it. ``is_rtu``: requests have no numbers, so a late answer may be taken for
    the next one's; TCP closes the connection with it."""

    is_rtu: bool = False
    coil: bool = False
    now_ns: int = 0
    connected: bool = False
    faults: list[str] = field(default_factory=list)
    """Taken from the front, one for each request; then all is well."""
    fault_ns: int = -1
    """Until when the latest fault has had an effect."""
    changes: list[tuple[int, bool]] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    killed: bool = False
    meanwhile: Callable[[], object] | None = None
    """Called once, while a request is under way: what another thread does then."""
    _away_until_ns: int = -1
    _late: list[tuple[int, bool]] = field(default_factory=list)
    """When the coil will be set, by a request that is queued."""
    _stale: list[tuple[int, Any]] = field(default_factory=list)
    """Answers under way, and when they arrive."""

    def advance(self, to_ns: int) -> None:
        """Lets the time go on, and what happens by itself."""
        for at_ns, value in sorted(self._late):
            if at_ns <= to_ns:
                self._late.remove((at_ns, value))
                self.now_ns = max(self.now_ns, at_ns)
                self._set(value)
                self._fault(at_ns)
        self.now_ns = max(self.now_ns, to_ns)

    # --- pymodbus' client ---

    def connect(self) -> bool:
        if self.now_ns < self._away_until_ns:
            self.advance(self.now_ns + 50 * MS)
            return False
        self.connected = True
        return True

    def close(self) -> None:
        self.connected = False
        if not self.is_rtu:
            self._stale.clear()

    def write_register(self, address: int, value: int, device_id: int) -> Any:
        self.beats.append(value)
        return self._ask(None, SimpleNamespace(address=address, registers=[value], isError=lambda: False))

    def write_coil(self, address: int, value: bool, device_id: int) -> Any:
        assert (address, device_id) == (COIL, 1)
        return self._ask(value, echo(address, value))

    # --- what happens to a request ---

    def _ask(self, value: bool | None, answer: Any) -> Any:
        sent_ns = self.now_ns
        self._stale = [(at_ns, stale) for at_ns, stale in self._stale if at_ns > sent_ns]  # the rest was flushed
        if self.meanwhile is not None:
            happening, self.meanwhile = self.meanwhile, None
            happening()
        fault = self.faults.pop(0) if self.faults else "ok"
        self.advance(self.now_ns + MS)
        if fault != "ok":
            self._fault(self.now_ns)
        if self.now_ns < self._away_until_ns:
            return self._no_answer(sent_ns)
        return getattr(self, "_" + fault.replace(" ", "_"))(value, answer, sent_ns)

    def _ok(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        if self._stale and self._stale[0][0] <= sent_ns + TIMEOUT_NS:
            at_ns, stale = self._stale.pop(0)
            self._stale.append((at_ns + MS, answer))
            self.advance(at_ns)
            self._fault(at_ns)
            return stale
        return answer

    def _request_lost(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        return self._no_answer(sent_ns)

    def _answer_lost(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        return self._no_answer(sent_ns)

    def _answer_late(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        self._stale.append((sent_ns + TIMEOUT_NS + LATE_NS, answer))
        return self._no_answer(sent_ns)

    def _answer_wrong(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        return echo(COIL, not value) if value is not None else echo(COIL + 1, True)

    def _done_late(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        if value is not None:
            self._late.append((sent_ns + TIMEOUT_NS + LATE_NS, value))
        return self._no_answer(sent_ns)

    def _link_lost_before(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self.connected = False
        raise ConnectionResetError("the link is lost")

    def _link_lost_after(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        self.connected = False
        raise ConnectionResetError("the link is lost")

    def _away(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._away_until_ns = self.now_ns + AWAY_NS
        self._fault(self._away_until_ns)
        return self._no_answer(sent_ns)

    def _refused(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        return SimpleNamespace(isError=lambda: True, exception_code=6)

    def _restarts(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        self._set(False)
        return self._away(value, answer, sent_ns)

    def _restarts_on(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        return self._away(value, answer, sent_ns)

    def _raises_before(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        raise struct.error("unpack requires a buffer of 4 bytes")

    def _raises_after(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        raise RuntimeError("of any kind")

    def _exits(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        raise SystemExit(1)

    def _killed_before(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self.killed = True
        raise Killed

    def _killed_after(self, value: bool | None, answer: Any, sent_ns: int) -> Any:
        self._do(value)
        return self._killed_before(value, answer, sent_ns)

    def _no_answer(self, sent_ns: int) -> Any:
        self.advance(sent_ns + TIMEOUT_NS)
        self._fault(self.now_ns)
        raise TimeoutError("no answer")

    def _do(self, value: bool | None) -> None:
        if value is not None:
            self._set(value)

    def _set(self, value: bool) -> None:
        if value != self.coil:
            self.coil = value
            self.changes.append((self.now_ns, value))

    def _fault(self, until_ns: int) -> None:
        self.fault_ns = max(self.fault_ns, until_ns)


def echo(address: int, value: bool) -> Any:
    """The answer to a write of a coil."""
    return SimpleNamespace(address=address, bits=[value], isError=lambda: False)
