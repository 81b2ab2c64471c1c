"""Where an MQTT broker is, and what to show at its door."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from edge.errors import ConfigError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Broker:
    """``ca`` replaces the system's certificate authorities; ``cert`` and ``key`` are the client's own (PEM)."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @classmethod
    def parse(
        cls,
        uri: str,
        *,
        user: str = "",
        password_file: Path | None = None,
        ca: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
    ) -> Broker:
        """From ``mqtt://[user@]host[:port]``, or ``mqtts://`` for TLS. Raises ConfigError."""
        parts = _split(uri)
        broker = cls(
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=user or parts.username or "",
            password_file=password_file,
            ca=ca,
            cert=cert,
            key=key,
        )
        broker._check()
        return broker

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"

    def password(self) -> str | None:
        """The first line of the password file. Raises ConfigError."""
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text(encoding="utf-8").split("\n", 1)[0].strip("\r")
        except (OSError, ValueError) as error:
            raise ConfigError(f"password_file: {self.password_file} cannot be read: {error}") from None

    def tls_context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, host name checked. Raises ConfigError when a certificate is unreadable."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ValueError) as error:
            given = [path for path in (self.ca, self.cert, self.key) if path]
            files = ", ".join(str(path) for path in [path for path in given if not path.exists()] or given)
            raise ConfigError(f"broker: TLS files {files} cannot be used: {error}") from None
        return context

    def _check(self) -> None:
        if not self.host:
            raise ConfigError("broker: expected a host after mqtt://")
        if not self.tls and (self.ca or self.cert or self.key):
            raise ConfigError(f"broker: ca, cert and key need TLS; write mqtts:// instead of {self}")
        if (self.cert is None) != (self.key is None):
            raise ConfigError("broker: cert and key go together; give both or neither")
        if self.password_file is not None and not self.user:
            raise ConfigError("broker: password_file needs a user")
        # Read here too, so that a mistake shows at the start and not in a thread.
        self.password()
        if self.tls:
            self.tls_context()


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"broker: {uri!r:.80} is not an address: {error}") from None
    if parts.scheme not in _PORTS or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(f"broker: expected mqtt://host:port or mqtts://host:port, got {uri!r:.80}")
    if parts.password is not None:
        raise ConfigError("broker: a password in an address is seen by everyone on the machine; use password_file")
    return parts
