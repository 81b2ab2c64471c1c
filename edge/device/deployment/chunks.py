"""An artifact out of retained chunks at an MQTT broker.

Over a connection of its own, so that nothing else waits behind it, and with a few subscriptions at a time, so that
the broker sends no more than is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from edge.device.deployment.stream import GoneError, NotWantedError
from edge.protocol.broker import Broker
from edge.protocol.connection import Connection
from edge.protocol.desired import Desired
from edge.protocol.topics import chunk_topic

WINDOW = 8
"""Chunks asked for at a time."""
PATIENCE_S = 30.0
"""A chunk that the broker has comes at once; on a slow line the window takes its time."""
_LOOK_S = 0.25


class ChunkStream:
    """See :class:`edge.device.deployment.stream.ArtifactStream`; begins ``start`` bytes into the artifact."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        root: str,
        desired: Desired,
        start: int,
        wanted: Callable[[], bool],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Connects with the first read. ``wanted`` is asked again and again: False ends it."""
        self._broker, self._client_id, self._root = broker, client_id, root
        self._desired, self._wanted, self._patience_s = desired, wanted, patience_s
        self._next, self._skip = divmod(start, desired.chunk_bytes)
        self._numbers: dict[str, int] = {}
        self._arrived: dict[int, bytes] = {}
        self._rest = memoryview(b"")
        self._link: Connection | None = None
        self._denied = ""

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            if self._next >= self._desired.chunks:
                return b""
            self._rest = memoryview(self._chunk(self._next))[self._skip :]
            self._next, self._skip = self._next + 1, 0
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close(clean=True)

    def _chunk(self, number: int) -> bytes:
        self._check_wanted()
        link = self._link or self._open()
        if number not in self._numbers.values():
            self._ask(link, number)
        until, count = time.monotonic() + self._patience_s, len(self._arrived)
        while number not in self._arrived:
            self._check_wanted()
            if self._denied:
                raise GoneError(f"{self._broker}: refused the chunks: {self._denied}; check the broker's ACL")
            if time.monotonic() >= until:
                raise GoneError(f"{self._broker}: chunk {number} of {self._desired.chunks} is not there")
            link.loop(_LOOK_S)
            if len(self._arrived) > count:  # others before it: the line is slow, but it moves
                until, count = time.monotonic() + self._patience_s, len(self._arrived)
        return self._checked(number, self._arrived.pop(number))

    def _check_wanted(self) -> None:
        if not self._wanted():
            raise NotWantedError("no longer wanted")

    def _checked(self, number: int, data: bytes) -> bytes:
        whole = self._desired.chunk_bytes
        expected = min(whole, self._desired.size - number * whole)
        if len(data) != expected:
            raise GoneError(f"{self._broker}: chunk {number} has {len(data)} bytes; expected {expected}")
        return data

    def _open(self) -> Connection:
        link = Connection(self._broker, self._client_id)
        link.client.on_message = self._on_message
        link.client.on_subscribe = self._on_subscribe
        try:
            link.open()
        except BaseException:
            link.close(clean=False)
            raise
        self._link = link
        return link

    def _ask(self, link: Connection, first: int) -> None:
        if self._numbers:
            link.require(link.client.unsubscribe(list(self._numbers))[0])
        numbers = range(first, min(first + WINDOW, self._desired.chunks))
        self._numbers = {chunk_topic(self._root, self._desired.sha256, number): number for number in numbers}
        link.require(link.client.subscribe([(topic, 1) for topic in self._numbers])[0])

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        number = self._numbers.get(message.topic)
        if number is not None and number >= self._next and message.payload:
            self._arrived[number] = bytes(message.payload)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self._denied = next((str(reason) for reason in reasons if reason.is_failure), "")
