"""The engineer's connection to the broker: listens to the fleet, publishes with acknowledgement, outlives losses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from edge.core.backoff import Backoff
from edge.errors import LinkError
from edge.fleet.rollout.fleet import FleetState
from edge.protocol.mqtt import MqttTransport
from edge.protocol.transport import Outgoing

QUIET_S = 0.5
"""After a subscription the broker sends all that it holds at once; when it is silent for so long, that was all."""
SETTLE_MOST_S = 10.0
TURN_S = 0.1


class RolloutConsole:
    """Used by one thread. Methods raise LinkError when the broker refuses, or cannot be reached in time."""

    def __init__(self, transport: MqttTransport, fleet: FleetState) -> None:
        self._transport, self.fleet = transport, fleet
        self._waiting: deque[Outgoing] = deque()
        self._in_flight: dict[int, Outgoing] = {}
        self._backoff = Backoff(0.2, 5.0)
        self._connected_at: float | None = None
        for filter_ in fleet.filters:
            transport.listen(filter_, fleet.hear, retained=True)

    def open(self) -> None:
        """Connects and hears what the broker holds."""
        self._connect()
        until = time.monotonic() + SETTLE_MOST_S
        while time.monotonic() < until and time.monotonic() - self.fleet.heard_at < QUIET_S:
            self._transport.poll(TURN_S)

    def close(self) -> None:
        self._transport.close()

    @property
    def limit_bytes(self) -> int:
        """The largest payload that the broker takes."""
        return self._transport.limit_bytes

    def put(self, message: Outgoing) -> None:
        """Queues a message for the next :meth:`turn`; until it is acknowledged, it is sent again after each loss of
        the link."""
        self._waiting.append(message)

    @property
    def idle(self) -> bool:
        """All was acknowledged."""
        return not self._waiting and not self._in_flight

    def turn(self, wait_s: float = TURN_S) -> None:
        """Publishes, listens for ``wait_s`` at most. A lost link is taken up again."""
        try:
            if self._connected_at is None:
                self._connect()
            while self._waiting and len(self._in_flight) < self._transport.window:
                message = self._waiting.popleft()
                self._in_flight[self._transport.publish(message)] = message
            self._settle(wait_s)
        except BrokerRefusedError:
            raise
        except LinkError:
            self._lost()

    def flush(self, until: float, wanted: Callable[[], bool] = lambda: True) -> None:
        """Until all was acknowledged, the time ``until`` has come, or it is no longer wanted."""
        while not self.idle and wanted():
            if time.monotonic() >= until:
                raise LinkError(f"{self._transport}: {len(self._waiting) + len(self._in_flight)} messages not taken")
            self.turn()

    def _connect(self) -> None:
        self._transport.connect()
        self.fleet.heard_at = self._connected_at = time.monotonic()

    def _settle(self, wait_s: float) -> None:
        for acknowledgement in self._transport.poll(wait_s):
            message = self._in_flight.pop(acknowledgement.token)
            if acknowledgement.refused:
                raise BrokerRefusedError(
                    f"{self._transport}: {message.topic}: refused: {acknowledgement.reason}; check the broker's ACL"
                )

    def _lost(self) -> None:
        lasted_s = 0.0 if self._connected_at is None else time.monotonic() - self._connected_at
        self._connected_at = None
        self._waiting.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
        time.sleep(self._backoff.after(lasted_s))


class BrokerRefusedError(LinkError):
    """By the broker's ACL: trying again is no use."""
