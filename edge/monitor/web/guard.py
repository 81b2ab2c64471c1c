"""Guard of every request: the host's name, the rate, the login; and headers of every answer. And what every answer
carries."""

from __future__ import annotations

import math
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.monitor.web.limits import RequestLimit
from edge.monitor.web.session import Sessions
from edge.monitor.web.settings import Access

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: forms of our own would then come from the origin "null".
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
FREE = ("/login", "/healthz", "/static/")
"""Paths that a stranger may ask for."""
RATE, BURST = 50.0, 300
"""Requests a second, and at once, of one user or address."""


class Guard:
    """ASGI middleware. ``scope["state"]`` gets ``user`` (a name, or nothing) and ``may_act``."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        sessions: Sessions,
        *,
        acting: bool = True,
        limit: RequestLimit | None = None,
    ) -> None:
        self._app, self._access, self._sessions, self._acting = app, access, sessions, acting
        self._limit = limit or RequestLimit(RATE, BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers, peer = Headers(scope=scope), (scope.get("client") or ("", 0))[0]
        if not self._is_our_name(headers.get("host", "")):
            return PlainTextResponse("unknown host name; start edge monitor with --web-name NAME", 421)
        user = self._sessions.user(headers, peer)
        if wait_s := self._limit.wait_s(user if self._access.header and user else peer):
            return PlainTextResponse("too many requests", 429, {"retry-after": str(math.ceil(wait_s))})
        scope.setdefault("state", {}).update(user=user, may_act=bool(user) and self._acting)
        if not user and not self._access.open and not scope["path"].startswith(FREE):
            return self._ask_who(scope)
        if scope["method"] not in ("GET", "HEAD") and not self._is_own(headers):
            return PlainTextResponse("this request came from another page", 403)
        return None

    def _is_our_name(self, host: str) -> bool:
        """A foreign page whose name was made to lead here (DNS rebinding) must not read what anybody may read."""
        return not self._access.names or _without_port(host) in self._access.names

    def _ask_who(self, scope: Scope) -> Response:
        path = scope["path"]
        if self._access.token and scope["method"] == "GET" and not path.startswith("/api/"):
            query = scope["query_string"].decode("latin-1")
            return RedirectResponse("/login?next=" + quote(path + ("?" + query if query else ""), safe=""), 303)
        known = f"the proxy's header {self._access.header}" if self._access.header else "a bearer token"
        return PlainTextResponse(f"not allowed without {known}", 401, {"www-authenticate": "Bearer"})

    def _is_own(self, headers: Headers) -> bool:
        """A form of ours, or a program with the token; not a foreign page in a browser that is logged in."""
        if self._sessions.is_bearer(headers):
            return True
        if (site := headers.get("sec-fetch-site")) is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin", "")
        return bool(origin) and urlsplit(origin).netloc == headers.get("host", "")


def _without_port(host: str) -> str:
    return host[1 : host.find("]")] if host.startswith("[") else host.rsplit(":", 1)[0].lower()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("cache-control", "private, no-cache")
        await send(message)

    return sending
