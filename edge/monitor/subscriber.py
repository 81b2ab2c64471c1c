"""Listening over MQTT 5, losing nothing: a message is acknowledged after it was stored."""

from __future__ import annotations

import time
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import LinkError
from edge.messages import MAX_BYTES, Message
from edge.monitor.intake import Arrival
from edge.monitor.store import BATCH, Store
from edge.sync.backoff import Backoff
from edge.sync.broker import Broker
from edge.sync.link import CONNECT_TIMEOUT_S, Link, properties_of
from edge.sync.topics import filters

SESSION_EXPIRY_S = 7 * 24 * 3600
"""So long the broker keeps messages for a monitor that is away. A store in memory cannot come back: it keeps none."""


class Subscriber:
    """Fills a store from a broker, through a session that outlives the connection. Used by one thread."""

    def __init__(self, broker: Broker, store: Store, backoff: Backoff | None = None) -> None:
        self._broker, self._store = broker, store
        self._link: Link | None = None
        self._arrived: list[MQTTMessage] = []
        self._granted = False
        self._denied = ""
        self._backoff = backoff or Backoff()
        self._next_attempt = 0.0
        self._connected_at = 0.0
        self.received = 0
        """Messages that came in, the repeated and the unreadable too."""
        self.trouble = ""
        """Why there is no connection; empty when there is one."""

    def connect(self) -> None:
        """Connects and subscribes. Raises LinkError."""
        self.close()
        link = Link(self._broker, self._store.client_id, manual_ack=True)
        link.client.on_message = self._on_message
        link.client.on_subscribe = self._on_subscribe
        self._granted, self._denied = False, ""
        try:
            link.open(clean_start=self._store.address is None, properties=self._session())
            self._subscribe(link)
        except BaseException:
            link.close(clean=False)
            raise
        self._link, self.trouble, self._connected_at = link, "", time.monotonic()

    def poll(self, timeout_s: float) -> list[Message]:
        """Receives, stores, acknowledges; returns what was new after ``timeout_s`` at the latest.

        A lost connection is taken up again from here, after a growing pause; ``trouble`` says why there is none.
        Raises StateError when the store cannot be written: the broker then still has what was not stored.
        """
        try:
            if self._link is None:
                self._reconnect(timeout_s)
            return [] if self._link is None else self._receive(self._link, timeout_s)
        except LinkError as error:
            lasted_s = time.monotonic() - self._connected_at if self._link else 0.0
            self._next_attempt = time.monotonic() + self._backoff.after(lasted_s)
            self.close()
            self.trouble = str(error)
            return []

    def close(self) -> None:
        """Disconnects; the session stays with the broker."""
        link, self._link = self._link, None
        self._arrived.clear()
        if link is not None:
            link.close(clean=True)

    def _reconnect(self, timeout_s: float) -> None:
        left = self._next_attempt - time.monotonic()
        if left > timeout_s:
            time.sleep(timeout_s)
            return
        time.sleep(max(0.0, left))
        self.connect()

    def _receive(self, link: Link, timeout_s: float) -> list[Message]:
        link.loop(timeout_s)
        arrived = len(self._arrived)
        while 0 < arrived < BATCH:  # paho reads one message a call
            link.loop(0.0)
            if len(self._arrived) == arrived:
                break
            arrived = len(self._arrived)
        messages, self._arrived = self._arrived, []
        self.received += len(messages)
        fresh = self._store.accept(map(_arrival, messages)) if messages else []
        for message in messages:
            link.require(link.client.ack(message.mid, message.qos))
        return fresh

    def _subscribe(self, link: Link) -> None:
        code, _ = link.client.subscribe([(topic, 1) for topic in filters(self._store.root)])
        link.require(code)
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not self._granted and not self._denied:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LinkError(f"{self._broker}: no answer to the subscription")
            link.loop(left)
        if self._denied:
            raise LinkError(f"{self._broker}: refused the subscription: {self._denied}; check the broker's ACL")

    def _session(self) -> Any:
        expiry = SESSION_EXPIRY_S if self._store.address is not None else 0
        # What is larger would be refused unread; so the broker need not send it.
        return properties_of(
            PacketTypes.CONNECT,
            SessionExpiryInterval=expiry,
            ReceiveMaximum=BATCH,
            MaximumPacketSize=2 * MAX_BYTES,
        )

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._arrived.append(message)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self._denied = next((str(reason) for reason in reasons if reason.is_failure), "")
        self._granted = not self._denied


def _arrival(message: MQTTMessage) -> Arrival:
    return Arrival(message.topic, bytes(message.payload))
