"""Where to listen."""

from __future__ import annotations

from edge.errors import ConfigError


def parse_address(text: str) -> tuple[str, int]:
    """``host:port`` or ``[address]:port``. Raises ConfigError."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not colon or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(f"expected host:port, e.g. 127.0.0.1:9095, got {text!r}")
    return host, int(port)
