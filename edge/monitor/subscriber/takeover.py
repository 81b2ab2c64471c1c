"""Fetching what the broker holds for another monitor that has fallen silent.

A broker deals the messages of a share out in turn, also to sessions whose owner is away, and Mosquitto gives nobody
else what it has dealt: not when the connection ends, and when the session ends it is thrown away. So the session
itself is taken over, under its name: no new messages are dealt to it, what waits is fetched and stored, and it ends.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from edge.errors import LinkError
from edge.monitor.subscriber.session import SubscriberSession
from edge.protocol.broker import Broker

QUIET_S = 1.0
EXPIRY_S = 24 * 3600
"""Should the one who adopts fall silent too."""


class Takeover:
    """One session under another's ``name``."""

    def __init__(self, name: str, session: SubscriberSession) -> None:
        self.name, self.session = name, session
        self._last = time.monotonic()

    @classmethod
    def begin(cls, broker: Broker, name: str, filters: Sequence[str]) -> Takeover | None:
        """None when the broker refuses; to be tried again."""
        session = SubscriberSession(broker, name)
        try:
            session.open(EXPIRY_S)
            session.unsubscribe(filters)
        except LinkError:
            session.close()
            return None
        return cls(name, session)

    def finished(self, busy: bool) -> bool:
        """Whether nothing has come for QUIET_S."""
        if busy:
            self._last = time.monotonic()
        return time.monotonic() - self._last >= QUIET_S

    def close(self) -> None:
        """Leaves the session with the broker."""
        self.session.close()
