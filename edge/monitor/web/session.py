"""Identity of a visitor: by bearer token, by the session's cookie, or by the word of a reverse proxy."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

from edge.monitor.web.settings import Access

COOKIE = "edge_session"
LASTS_S = 12 * 3600
"""A shift and some more."""


class Sessions:
    """Signs and checks. A cookie says until when it is good, and carries an HMAC-SHA256 of that under the token: a
    new token ends all sessions, a restart none.
    """

    def __init__(self, access: Access, clock: Callable[[], float] = time.time) -> None:
        self._access, self._clock = access, clock
        self._key = hashlib.sha256(b"edge-sdk monitor session v1\n" + access.token.encode()).digest()

    def user(self, headers: Headers, peer: str) -> str:
        """A name, or nothing for a stranger."""
        access = self._access
        if access.header and (name := headers.get(access.header, "").strip()) and self._is_proxy(peer):
            return name[:64]
        if access.token and (self.is_bearer(headers) or self._is_session(_cookie(headers))):
            return "token"
        return ""

    def is_bearer(self, headers: Headers) -> bool:
        """A program with the token: no browser adds that of itself, so a foreign page cannot make it."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(token)

    def is_token(self, text: str) -> bool:
        """In constant time."""
        return bool(self._access.token) and hmac.compare_digest(text.strip().encode(), self._access.token.encode())

    def cookie(self, secure: bool) -> str:
        """A new session's ``Set-Cookie``."""
        until = str(int(self._clock()) + LASTS_S)
        return f"{COOKIE}={until}.{self._sign(until)}; {_attributes(secure)}; Max-Age={LASTS_S}"

    @staticmethod
    def no_cookie(secure: bool) -> str:
        """``Set-Cookie`` that ends the session."""
        return f"{COOKIE}=; {_attributes(secure)}; Max-Age=0"

    def _is_session(self, value: str) -> bool:
        until, _, signature = value.partition(".")
        good = hmac.compare_digest(signature.encode(), self._sign(until).encode())
        return good and until.isascii() and until.isdigit() and self._clock() < int(until)

    def _sign(self, until: str) -> str:
        return hmac.new(self._key, until.encode(), hashlib.sha256).hexdigest()

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._access.proxies)


def _attributes(secure: bool) -> str:
    return "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
