"""Where an SSH target is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.errors import ConfigError

_NAME = re.compile(r"(?!-)[A-Za-z0-9_.:%-]+")
"""Name of a host or user: never begins with a dash, which ssh would take for an option; IPv6 has colons, a zone %."""
DEFAULT_PORT = 22


@dataclass(frozen=True, slots=True)
class SshAddress:
    host: str
    user: str = ""
    port: int | None = None
    """None: what the ssh configuration says, else 22."""

    @classmethod
    def parse(cls, text: str) -> SshAddress:
        """``[user@]host`` or ``ssh://[user@]host[:port]``, IPv6 in brackets. Raises ConfigError."""
        try:
            found = cls._url(text) if "://" in text else cls._plain(text)
        except ConfigError:
            raise
        except ValueError:
            found = None
        if found is None or not all(_NAME.fullmatch(part) for part in (found.host, found.user or "x")):
            raise ConfigError(f"{text}: expected user@host or ssh://user@host:port")
        return found

    @classmethod
    def _plain(cls, text: str) -> SshAddress:
        user, _, host = text.rpartition("@")
        if host.count(":") == 1:
            raise ConfigError(f"{text}: a port is written with the scheme, ssh://{text}")
        return cls(host, user)

    @classmethod
    def _url(cls, text: str) -> SshAddress | None:
        url = urlsplit(text)
        if url.path.strip("/") or url.query or url.fragment or url.password is not None or not url.hostname:
            return None
        return cls(url.hostname, url.username or "", url.port)

    @property
    def key(self) -> str:
        return f"ssh://{self.user}@{self.host.lower()}:{self.port or DEFAULT_PORT}"

    @property
    def words(self) -> list[str]:
        """For the ssh command line, the last ones before the command."""
        port = [] if self.port is None else ["-p", str(self.port)]
        user = ["-l", self.user] if self.user else []
        return [*port, *user, "--", self.host]
