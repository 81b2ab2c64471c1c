"""Requests to the controller that are not answered yet; they are sent again until they are."""

from __future__ import annotations

from dataclasses import dataclass

from edge.gates.controller.protocol import ControllerMessage, encode

_MOST = 200
"""Fewer than the 256 numbers that tell answers apart."""
_SLOWEST_NS = 100_000_000


@dataclass(slots=True)
class _Pending:
    message: ControllerMessage
    frame: bytes
    due_ns: int
    wait_ns: int


class Requests:
    """Requests underway, by their ``seq``. Not thread-safe."""

    def __init__(self) -> None:
        self._pending: dict[int, _Pending] = {}
        self._seq = 0

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, message: ControllerMessage, now_ns: int, wait_ns: int) -> bytes:
        """The frame to send now; after ``wait_ns`` without an answer it is due again, then after twice as long."""
        if len(self._pending) >= _MOST:
            del self._pending[next(iter(self._pending))]  # the oldest: its part is past the gate by now
        while (seq := self._next()) in self._pending:
            pass
        frame = encode(message, seq)
        self._pending[seq] = _Pending(message, frame, now_ns + wait_ns, wait_ns)
        return frame

    def answered(self, seq: int) -> ControllerMessage | None:
        """The request that this answers, or None when it was answered before."""
        pending = self._pending.pop(seq, None)
        return pending.message if pending else None

    def due(self, now_ns: int) -> list[bytes]:
        """Frames to send again."""
        frames = []
        for pending in self._pending.values():
            if now_ns >= pending.due_ns:
                pending.wait_ns = min(2 * pending.wait_ns, _SLOWEST_NS)
                pending.due_ns = now_ns + pending.wait_ns
                frames.append(pending.frame)
        return frames

    def clear(self) -> None:
        self._pending.clear()

    def _next(self) -> int:
        self._seq = (self._seq + 1) & 0xFF
        return self._seq
