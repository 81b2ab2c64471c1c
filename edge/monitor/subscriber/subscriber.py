"""Listening over MQTT 5, losing nothing: a message is acknowledged after it was stored."""

from __future__ import annotations

import time

from paho.mqtt.client import MQTTMessage

from edge.core.backoff import Backoff
from edge.errors import LinkError, StateError
from edge.monitor.store.store import BATCH, Store
from edge.monitor.subscriber.decode import Arrival
from edge.monitor.subscriber.members import Members
from edge.monitor.subscriber.session import SubscriberSession
from edge.monitor.subscriber.takeover import Takeover
from edge.protocol.broker import Broker
from edge.protocol.messages import Message
from edge.protocol.topics import filters

SESSION_EXPIRY_S = 7 * 24 * 3600
"""So long the broker keeps messages for a monitor that is away. A store in memory cannot come back: it keeps none."""
BEAT_S = 1.0


class Subscriber:
    """Fills a store from a broker, through a session that outlives the connection. Used by one thread.

    Those with the same ``share`` get each message once between them. On one database they also look after each
    other: what waits for one that has fallen silent is fetched by another.
    """

    def __init__(self, broker: Broker, store: Store, backoff: Backoff | None = None, *, share: str = "") -> None:
        """Raises ConfigError when ``share`` does not fit into a topic."""
        self._broker, self._store = broker, store
        self._filters = filters(store.root, share)
        self._members = Members(store.engine, share) if share and store.remote else None
        self._name = ""
        self._session: SubscriberSession | None = None
        self._adoption: Takeover | None = None
        self._backoff = backoff or Backoff()
        self._next_attempt = self._connected_at = self._next_beat = 0.0
        self.received = 0
        """Messages that came in, the repeated and the unreadable too."""
        self.trouble = ""
        """Why there is no connection; empty when there is one."""

    def connect(self) -> None:
        """Connects and subscribes. Raises LinkError, StateError."""
        self._disconnect()
        self._store.check()
        session = SubscriberSession(self._broker, self._identify())
        session.open(SESSION_EXPIRY_S if self._store.address is not None else 0)
        try:
            session.subscribe(self._filters)
        except BaseException:
            session.close()
            raise
        self._session, self.trouble, self._connected_at = session, "", time.monotonic()

    def poll(self, timeout_s: float) -> list[Message]:
        """Receives, stores, acknowledges; returns what was new after ``timeout_s`` at the latest.

        A lost connection is taken up again from here, after a growing pause; ``trouble`` says why there is none.
        Raises StateError when a store on this machine cannot be written: the broker then still has what was not
        stored. A database server may be away for a while.
        """
        try:
            if self._session is None:
                self._reconnect(timeout_s)
            return [] if self._session is None else self._receive(self._session, timeout_s)
        except LinkError as error:
            self._pause(str(error))
        except StateError as error:
            if not self._store.remote:
                raise
            self._pause(str(error))
        return []

    def close(self) -> None:
        """Disconnects; the session stays with the broker."""
        self._disconnect()
        name, self._name = self._name, ""
        if self._members is not None and name:
            self._members.leave(name)

    def _identify(self) -> str:
        if not self._name:
            self._name = self._members.join() if self._members is not None else self._store.client_id
        return self._name

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        adoption, self._adoption = self._adoption, None
        if session is not None:
            session.close()
        if adoption is not None:
            adoption.close()

    def _pause(self, trouble: str) -> None:
        """Waits before the next connection; messages received and not acknowledged come again after it."""
        lasted_s = time.monotonic() - self._connected_at if self._session else 0.0
        self._next_attempt = time.monotonic() + self._backoff.after(lasted_s)
        self._disconnect()
        self.trouble = trouble

    def _reconnect(self, timeout_s: float) -> None:
        left = self._next_attempt - time.monotonic()
        if left > timeout_s:
            time.sleep(timeout_s)
            return
        time.sleep(max(0.0, left))
        self.connect()

    def _receive(self, session: SubscriberSession, timeout_s: float) -> list[Message]:
        fresh = self._take(session, session.receive(timeout_s, BATCH))
        if self._members is not None:
            fresh += self._look_after(self._members)
        return fresh

    def _take(self, session: SubscriberSession, messages: list[MQTTMessage]) -> list[Message]:
        self.received += len(messages)
        fresh = self._store.accept(map(_arrival, messages)) if messages else []
        session.acknowledge(messages)
        return fresh

    def _look_after(self, members: Members) -> list[Message]:
        """Says that it is here, and fetches what waits for one that is not."""
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + BEAT_S
            members.beat(self._name)
            if self._adoption is None and (silent := members.silent(self._name)):
                self._adoption = Takeover.begin(self._broker, silent[0], self._filters)
        if self._adoption is None:
            return []
        return self._fetch(members, self._adoption)

    def _fetch(self, members: Members, adoption: Takeover) -> list[Message]:
        try:
            messages = adoption.session.receive(0.0, BATCH)
            fresh = self._take(adoption.session, messages)
            if adoption.finished(bool(messages)):
                adoption.session.end()
                members.forget(adoption.name)
                self._adoption = None
        except LinkError:  # it came back and took its session
            adoption.close()
            self._adoption = None
            return []
        return fresh


def _arrival(message: MQTTMessage) -> Arrival:
    return Arrival(message.topic, bytes(message.payload))
