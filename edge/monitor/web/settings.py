"""Where the pages are served, and who may come in: read from options and checked before anything listens."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError

MIN_TOKEN = 16
"""Characters; ``openssl rand -hex 24`` makes 48."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: tuple[IpNetwork, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Access:
    """Rules of access. With neither ``token`` nor ``header``: anybody on this machine, to read."""

    token: str = ""
    """Opens everything, as a bearer token or through the login page."""
    header: str = ""
    """In which a reverse proxy names the user it let in."""
    proxies: tuple[IpNetwork, ...] = LOOPBACK
    """From where that header is believed."""
    names: tuple[str, ...] = ()
    """Host names under which a browser may call; empty: any (a page needs a login then)."""

    @property
    def open(self) -> bool:
        """Nobody is asked who they are, and nobody may change anything."""
        return not self.token and not self.header


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for HTTPS."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen. Port 0 is any free one."""

    host: str
    port: int
    tls: Tls | None = None

    @property
    def local(self) -> bool:
        """Only this machine can connect."""
        return self.host in LOOPBACK_NAMES

    def url(self, port: int) -> str:
        """For people; ``port`` is the one that was given in the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{port}/"


def parse_place(text: str, certificate: Path | None = None, key: Path | None = None) -> ListenAddress:
    """``127.0.0.1:8080``, ``[::1]:8080`` or ``localhost:8080``. Raises ConfigError."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/\s]+)):(\d{1,5})", text)
    if not match or int(match[3]) > 65535:
        raise ConfigError(f"--web: expected HOST:PORT such as 127.0.0.1:8080, got {text!r:.80}")
    if (certificate is None) != (key is None):
        raise ConfigError("--web-cert and --web-key: expected both or neither")
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path}: no such file; expected PEM")
    tls = Tls(certificate, key) if certificate and key else None
    return ListenAddress(match[1] or match[2], int(match[3]), tls)


def parse_access(
    place: ListenAddress, *, token_file: Path | None, header: str, proxies: Sequence[str], names: Sequence[str]
) -> Access:
    """Raises ConfigError, also when the pages would stand open to others than this machine."""
    if token_file is None and not header:
        if not place.local:
            raise ConfigError(
                f"--web {place.host}: others than this machine can connect there; give --token-file FILE (they log "
                "in) or --trust-header NAME (a reverse proxy names them), or serve on 127.0.0.1"
            )
        return Access(names=(*LOOPBACK_NAMES, *names))
    if header and not re.fullmatch(r"[A-Za-z0-9-]{1,64}", header):
        raise ConfigError(f"--trust-header: expected the name of a header such as X-Remote-User, got {header!r:.80}")
    if proxies and not header:
        raise ConfigError("--trust-from: expected with --trust-header only")
    token = _token(token_file) if token_file else ""
    return Access(token, header.lower(), _networks(proxies) or LOOPBACK, tuple(names))


def _token(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{path}: expected one token of at least {MIN_TOKEN} ASCII characters without spaces; "
            f"make one: openssl rand -hex 24 > {path.name}"
        )
    return token


def _networks(texts: Iterable[str]) -> tuple[IpNetwork, ...]:
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise ConfigError(
                f"--trust-from: expected an address or a network such as 10.0.0.0/24, got {text!r:.80}"
            ) from None
    return tuple(found)
