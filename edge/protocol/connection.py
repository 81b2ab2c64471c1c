"""One MQTT 5 connection, from CONNECT to its end, run by the thread that calls it.

There is no network thread of paho's on purpose. In such a thread an exception in a callback ends the thread while
``is_connected()`` stays true, and nobody is told. Without one, ``Client.publish`` writes to the non-blocking socket
itself (``Client._packet_queue`` does so when no thread was started and no callback is running), what the socket
does not take stays queued for the next ``loop``, callbacks run inside ``loop``, and whatever they raise arrives
at our caller.

Each connection gets a new Client, for an old one would publish by itself, after a reconnect, what it still holds:
here the outbox alone says what is sent again.
"""

from __future__ import annotations

import time
from typing import Any

from paho.mqtt.client import Client, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import LinkError
from edge.protocol.broker import Broker

CONNECT_TIMEOUT_S = 5.0
KEEPALIVE_S = 15
_CALLBACKS = ("on_connect", "on_disconnect", "on_publish", "on_message", "on_subscribe", "on_unsubscribe")


def properties_of(packet: int, **values: str | int | bytes) -> Properties:
    """MQTT 5 properties for a kind of packet, by paho's names."""
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


class Connection:
    """Set callbacks on ``client``, ``open``, then call ``loop`` for as long as it lasts. Not used again after."""

    def __init__(self, broker: Broker, client_id: str, *, manual_ack: bool = False) -> None:
        self._broker = broker
        self._accepted: Properties | None = None
        self._ended = False
        self._reason = ""
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=manual_ack
        )
        self.client.connect_timeout = CONNECT_TIMEOUT_S
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        if broker.tls:
            self.client.tls_set_context(broker.tls_context())
        if broker.user:
            self.client.username_pw_set(broker.user, broker.password())

    def open(self, *, clean_start: bool = True, properties: Properties | None = None) -> None:
        """Raises LinkError unless the broker accepts within CONNECT_TIMEOUT_S (after the name is resolved)."""
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        try:
            self.client.connect(
                self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=clean_start, properties=properties
            )
        except (OSError, ValueError) as error:
            raise self._error(getattr(error, "strerror", None) or str(error)) from None
        while self._accepted is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._error(f"no answer within {CONNECT_TIMEOUT_S:.0f} s")
            self.loop(left)

    def loop(self, timeout_s: float) -> None:
        """Waits for data up to ``timeout_s``, moves it, runs callbacks. Raises LinkError when the link is lost."""
        code = self.client.loop(timeout_s)
        if self._ended or code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._error(self._reason or error_string(code).rstrip("."))

    def require(self, code: MQTTErrorCode) -> None:
        """Raises LinkError unless paho says that a call went well."""
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._error(self._reason or error_string(code).rstrip("."))

    def accepted(self, name: str, default: int) -> int:
        """A limit that the broker stated in its CONNACK, by its name in paho's Properties."""
        return int(getattr(self._accepted, name, default))

    def close(self, *, clean: bool) -> None:
        """Ends it; not ``clean``: without DISCONNECT, so that the broker publishes the will."""
        for name in _CALLBACKS:
            setattr(self.client, name, None)  # they hold us, we hold the client: sockets would wait for the collector
        if clean:
            self.client.disconnect()
        sock = self.client.socket()
        if sock is not None:
            sock.close()

    def _on_connect(
        self, _client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._reason = f"refused the connection: {reason}"
        else:
            self._accepted = properties or properties_of(PacketTypes.CONNACK)

    def _on_disconnect(
        self, _client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._ended = True
        self._reason = self._reason or f"connection lost: {reason}"

    def _error(self, text: str) -> LinkError:
        return LinkError(f"{self._broker}: {text}")
