"""A simulated fleet on a real broker: many devices share a few connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edge.core.backoff import Backoff
from edge.errors import LinkError
from edge.protocol.transport import Outgoing, Transport
from edge.sim.fleet.fleet import Sent

PATIENCE_S = 60.0
"""So long a broker may be away."""
IDLE_S = 0.02
"""Longest wait between two looks at all connections."""


@dataclass(slots=True)
class PublishCounts:
    """Messages by what became of them."""

    sent: int = 0
    """Repetitions after a lost connection are not counted."""
    acknowledged: int = 0
    unheard: int = 0
    """Acknowledged, but nobody subscribes to them."""
    refused: int = 0
    late_s: float = 0.0
    """The most that a message was sent after it was due: more than a second or two, and this machine is too slow."""


class _Lane:
    """One connection, and what it has not acknowledged yet."""

    def __init__(self, transport: Transport, counts: PublishCounts) -> None:
        self._transport, self._counts = transport, counts
        self._waiting: dict[int, Outgoing] = {}

    @property
    def free(self) -> bool:
        return len(self._waiting) < self._transport.window

    @property
    def empty(self) -> bool:
        return not self._waiting

    def publish(self, message: Outgoing) -> None:
        try:
            self._waiting[self._transport.publish(message)] = message
        except LinkError:
            self._reconnect([*self._waiting.values(), message])

    def poll(self, timeout_s: float) -> None:
        counts = self._counts
        try:
            for one in self._transport.poll(timeout_s):
                if self._waiting.pop(one.token, None) is not None:
                    counts.acknowledged += not one.refused
                    counts.refused += one.refused
                    counts.unheard += not one.ok and not one.refused
        except LinkError:
            self._reconnect(list(self._waiting.values()))

    def connect(self) -> None:
        self._transport.connect()

    def close(self) -> None:
        self._transport.close()

    def _reconnect(self, again: Sequence[Outgoing]) -> None:
        """And sends again what is in doubt. Raises LinkError once PATIENCE_S is over."""
        until, backoff = time.monotonic() + PATIENCE_S, Backoff(max_s=5.0)
        while True:
            try:
                self._transport.connect()
                self._waiting = {self._transport.publish(message): message for message in again}
            except LinkError:
                if time.monotonic() > until:
                    raise
                time.sleep(backoff.after(0.0))
            else:
                return


class FleetPublisher:
    """Used by one thread. ``transports``: connections that are not open yet."""

    def __init__(self, transports: Sequence[Transport]) -> None:
        self.counts = PublishCounts()
        self._lanes = [_Lane(transport, self.counts) for transport in transports]

    def run(
        self, messages: Iterable[Sent], speed: float = 1.0, watch: Callable[[float], None] | None = None
    ) -> PublishCounts:
        """Sends each when it is due, ``speed`` times as fast as real time; 0 is as fast as the broker takes them.

        Waits until all are acknowledged. ``watch`` is told, often, up to which second everything was sent. Raises
        LinkError when the broker is not there, or stays away.
        """
        for lane in self._lanes:
            lane.connect()
        begun = time.monotonic()
        for sent in messages:
            if speed:
                self._wait(begun + sent.at_s / speed)
            self._send(sent)
            if watch is not None:
                watch(sent.at_s)
        self._finish()
        return self.counts

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()

    def _send(self, sent: Sent) -> None:
        lane = self._lanes[sent.device % len(self._lanes)]
        while not lane.free:
            lane.poll(IDLE_S)
        lane.publish(sent.message)
        self.counts.sent += 1

    def _wait(self, due: float) -> None:
        while (left := due - time.monotonic()) > 0:
            self._poll(min(left, IDLE_S))
        self.counts.late_s = max(self.counts.late_s, -left)

    def _poll(self, timeout_s: float) -> None:
        """All lanes; waits at the first."""
        for place, lane in enumerate(self._lanes):
            lane.poll(0.0 if place else timeout_s)

    def _finish(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while not all(lane.empty for lane in self._lanes):
            if time.monotonic() > until:
                raise LinkError(f"{self.counts.sent} messages sent, but some were never acknowledged")
            self._poll(IDLE_S)
