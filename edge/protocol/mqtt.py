"""Publishing over MQTT 5.

Version 5 only: on 3.1.1 a publication that the ACL denies is acknowledged like any other, and whoever deletes on
that acknowledgement loses data.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.errors import LinkError
from edge.protocol.broker import Broker
from edge.protocol.connection import Connection, properties_of
from edge.protocol.transport import Acknowledgement, IncomingMessage, Outgoing

MessageListener = Callable[[IncomingMessage], None]
NO_MATCHING_SUBSCRIBERS = 0x10
_LARGEST_PACKET = 268_435_455  # MQTT 5, 1.5.5: variable byte integer
_HEADER_BYTES = 1024  # topic (at most 512 bytes here), properties and lengths of a PUBLISH


class MqttTransport:
    """See :class:`edge.protocol.transport.Transport`."""

    def __init__(self, broker: Broker, client_id: str = "", *, window: int = 32) -> None:
        self.broker, self._client_id, self._most = broker, client_id, window
        self._link: Connection | None = None
        self._count = itertools.count()
        self._tokens: dict[int, int] = {}
        self._acknowledged: list[Acknowledgement] = []
        self._listeners: dict[str, tuple[MessageListener, bool]] = {}
        self.window = window
        self.limit_bytes = _LARGEST_PACKET - _HEADER_BYTES

    def __str__(self) -> str:
        return str(self.broker)

    def connect(self, will: Outgoing | None = None) -> None:
        self.close(clean=False)
        link = Connection(self.broker, self._client_id)
        link.client.on_publish = self._on_publish
        link.client.max_inflight_messages_set(0)  # Sync keeps to the window; paho must not queue behind its back
        if will is not None:
            properties = _properties(PacketTypes.WILLMESSAGE, will.content_type, will.expiry_s)
            link.client.will_set(will.topic, will.payload, 1, will.retain, properties)
        try:
            link.open()
        except BaseException:
            link.close(clean=False)
            raise
        self.window = min(self._most, link.accepted("ReceiveMaximum", self._most))
        self.limit_bytes = link.accepted("MaximumPacketSize", _LARGEST_PACKET) - _HEADER_BYTES
        self._link = link
        if self._listeners:
            link.client.on_message = self._on_message
            topics = [(topic, _listening(retained)) for topic, (_, retained) in self._listeners.items()]
            link.require(link.client.subscribe(topics)[0])

    def listen(self, topic: str, listener: MessageListener, *, retained: bool = False) -> None:
        """Before ``connect``: what comes on this topic or filter goes to ``listener``, in the thread of ``poll``.

        ``retained``: at each connection also what the broker holds there.
        """
        self._listeners[topic] = listener, retained

    def publish(self, message: Outgoing) -> int:
        link = self._connected()
        properties = _properties(PacketTypes.PUBLISH, message.content_type, message.expiry_s)
        if message.correlation:
            values: dict[str, Any] = {"ContentType": message.content_type, "CorrelationData": message.correlation}
            if message.expiry_s is not None:
                values["MessageExpiryInterval"] = message.expiry_s
            properties = properties_of(PacketTypes.PUBLISH, **values)
        info = link.client.publish(message.topic, message.payload, 1, message.retain, properties)
        link.require(info.rc)
        token = self._tokens[info.mid] = next(self._count)
        return token

    def poll(self, timeout_s: float) -> list[Acknowledgement]:
        self._connected().loop(timeout_s)
        acknowledged, self._acknowledged = self._acknowledged, []
        return acknowledged

    def close(self, *, clean: bool = True) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close(clean=clean)
        self._tokens.clear()
        self._acknowledged.clear()

    def _connected(self) -> Connection:
        if self._link is None:
            raise LinkError(f"{self.broker}: not connected")
        return self._link

    def _on_publish(self, _client: Client, _userdata: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        token = self._tokens.pop(mid, None)
        if token is not None:
            ok = not reason.is_failure and reason.value != NO_MATCHING_SUBSCRIBERS
            self._acknowledged.append(Acknowledgement(token, ok, "" if ok else str(reason), reason.is_failure))

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        properties: Any = message.properties
        response_topic = getattr(properties, "ResponseTopic", "")
        correlation = getattr(properties, "CorrelationData", b"")
        payload, retained = bytes(message.payload), bool(message.retain)
        incoming = IncomingMessage(payload, response_topic, correlation, retained, message.topic)
        for filter_, (listener, _) in self._listeners.items():
            if topic_matches_sub(filter_, message.topic):
                listener(incoming)


def _listening(retained: bool) -> SubscribeOptions:
    handling = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if retained else SubscribeOptions.RETAIN_DO_NOT_SEND
    return SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=handling)


@lru_cache
def _properties(packet: int, content_type: str, expiry_s: int | None) -> Properties:
    expiry = {} if expiry_s is None else {"MessageExpiryInterval": expiry_s}
    return properties_of(packet, ContentType=content_type, **expiry)
