"""One MQTT 5 session that outlives its connection: what comes in is acknowledged by hand, after it was stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import LinkError
from edge.protocol.broker import Broker
from edge.protocol.connection import CONNECT_TIMEOUT_S, Connection, properties_of
from edge.protocol.messages import MAX_BYTES

MAX_IN_FLIGHT = 500
"""Messages that the broker sends before it waits for an acknowledgement, if its own limit is not lower."""


class SubscriberSession:
    """Used by one thread. Each method raises LinkError when the connection is lost or refused."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        self._broker = broker
        self._link = Connection(broker, client_id, manual_ack=True)
        self._link.client.on_message = self._on_message
        self._link.client.on_subscribe = self._link.client.on_unsubscribe = self._on_answer
        self._arrived: list[MQTTMessage] = []
        self._answers: list[ReasonCode] | None = None

    def open(self, expiry_s: int) -> None:
        """Takes up the session of that name, or begins it; it ends ``expiry_s`` after the connection."""
        # What is larger would be refused unread; so the broker need not send it.
        properties = properties_of(
            PacketTypes.CONNECT,
            SessionExpiryInterval=expiry_s,
            ReceiveMaximum=MAX_IN_FLIGHT,
            MaximumPacketSize=2 * MAX_BYTES,
        )
        try:
            self._link.open(clean_start=expiry_s == 0, properties=properties)
        except BaseException:
            self._link.close(clean=False)
            raise

    def subscribe(self, filters: Sequence[str]) -> None:
        """At QoS 1."""
        code, _ = self._link.client.subscribe([(topic, 1) for topic in filters])
        denied = next((str(one) for one in self._answer(code, "subscription") if one.is_failure), "")
        if denied:
            raise LinkError(f"{self._broker}: refused the subscription: {denied}; check the broker's ACL")

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Unsubscribes; what waits for this session still comes."""
        code, _ = self._link.client.unsubscribe(list(filters))
        self._answer(code, "unsubscription")

    def receive(self, timeout_s: float, most: int) -> list[MQTTMessage]:
        """Messages that come within ``timeout_s``; after the first one only what is there already."""
        if not self._arrived:
            self._link.loop(timeout_s)
        arrived = len(self._arrived)
        while 0 < arrived < most:  # paho reads one message a call
            self._link.loop(0.0)
            if len(self._arrived) == arrived:
                break
            arrived = len(self._arrived)
        messages, self._arrived = self._arrived, []
        return messages

    def acknowledge(self, messages: Sequence[MQTTMessage]) -> None:
        """The broker forgets them."""
        for message in messages:
            self._link.require(self._link.client.ack(message.mid, message.qos))

    def close(self) -> None:
        """Disconnects; the session stays with the broker until it expires."""
        self._link.close(clean=True)

    def end(self) -> None:
        """Disconnects and ends the session, with all that waits in it."""
        client = self._link.client
        client.disconnect(properties=properties_of(PacketTypes.DISCONNECT, SessionExpiryInterval=0))
        self._link.close(clean=False)

    def _answer(self, code: Any, what: str) -> list[ReasonCode]:
        self._link.require(code)
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while self._answers is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LinkError(f"{self._broker}: no answer to the {what}")
            self._link.loop(left)
        answers, self._answers = self._answers, None
        return answers

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._arrived.append(message)

    def _on_answer(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self._answers = reasons
