"""From an address to a transport."""

from __future__ import annotations

from pathlib import Path

from edge.errors import ConfigError
from edge.protocol.transport import Transport


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
        from edge.protocol.file import FileTransport

        return FileTransport(FileTransport.path_of(uri), window=window)
    if uri.startswith(("mqtt:", "mqtts:")):
        # Here, because the device must not pay for paho's import when nothing is to be sent.
        from edge.protocol.broker import Broker
        from edge.protocol.mqtt import MqttTransport

        broker = Broker.parse(uri, user=user, password_file=password_file, ca=ca, cert=cert, key=key)
        return MqttTransport(broker, client_id, window=window)
    raise ConfigError(f"broker: expected mqtt://host, mqtts://host or file:///path.jsonl, got {uri!r:.80}")
