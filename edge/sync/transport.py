"""The way out: one interface over MQTT and files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for publication, always at QoS 1: what matters is its acknowledgement."""

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str = "application/json"
    expiry_s: int | None = None
    """After that the broker may throw it away undelivered; None is never."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What became of a publication. Not ``ok`` and not ``refused``: it was taken, but nobody subscribes to it."""

    token: int
    ok: bool
    reason: str = ""
    refused: bool = False


class Transport(Protocol):
    """A connection that one thread uses. All methods but ``close`` raise LinkError when the other side is gone.

    ``str()`` of it names the other side in messages.
    """

    window: int
    """How many publications may be unacknowledged at once; the other side may lower it in ``connect``."""
    limit_bytes: int
    """The largest payload that the other side takes; known after ``connect``."""

    def connect(self, will: Outgoing | None = None) -> None:
        """Waits, for a few seconds at most, until the other side has accepted; also to begin anew after a loss, when
        what was unacknowledged is forgotten. ``will`` is published by the other side if the connection ends
        without ``close``.
        """
        ...

    def publish(self, message: Outgoing) -> int:
        """Sends without waiting. The token, never used twice, comes back once, in an Acknowledgement."""
        ...

    def poll(self, timeout_s: float) -> list[Acknowledgement]:
        """Moves data; returns when something was acknowledged, at the latest after ``timeout_s``."""
        ...

    def close(self, *, clean: bool = True) -> None:
        """Never raises, may be called twice. Not ``clean``: without a farewell, so that the will is published."""
        ...


def open_transport(
    uri: str,
    *,
    client_id: str = "",
    user: str = "",
    password_file: Path | None = None,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    window: int = 32,
) -> Transport:
    """A transport by its address, not connected yet: ``mqtt://host[:1883]``, ``mqtts://host[:8883]`` (TLS) or
    ``file:///path.jsonl``. Raises ConfigError.

    ``client_id`` should be the device's own and stay the same, so that the broker ends a left-over connection.
    """
    if uri.startswith("file:"):
        from edge.sync.file import FileTransport

        return FileTransport(FileTransport.path_of(uri), window=window)
    if uri.startswith(("mqtt:", "mqtts:")):
        # Here, because the device must not pay for paho's import when nothing is to be sent.
        from edge.sync.broker import Broker
        from edge.sync.mqtt import MqttTransport

        broker = Broker.parse(uri, user=user, password_file=password_file, ca=ca, cert=cert, key=key)
        return MqttTransport(broker, client_id, window=window)
    raise ConfigError(f"broker: expected mqtt://host, mqtts://host or file:///path.jsonl, got {uri!r:.80}")
