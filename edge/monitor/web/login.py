"""The token becomes a session."""

from __future__ import annotations

import math
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge.monitor.web.limits import RequestLimit
from edge.monitor.web.render import page
from edge.monitor.web.session import Sessions

MAX_BYTES = 4096
"""Largest form."""
EVERYBODY = ""


class Login:
    """``GET`` shows the form, ``POST`` takes it. Five wrong tokens an address, then one every twenty seconds; and for
    all addresses together not more than one a second.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._each, self._all = RequestLimit(1 / 20, 5), RequestLimit(1.0, 60)

    async def show(self, request: Request) -> Response:
        return page(
            request, "login.html", shown=False, next=own_path(request.query_params.get("next", "/")), wrong=""
        )

    async def take(self, request: Request) -> Response:
        form = await read_form(request)
        peer, target = request.client.host if request.client else "", own_path(form.get("next", "/"))
        if wait_s := max(self._each.wait_s(peer), self._all.wait_s(EVERYBODY)):
            wrong = f"Too many attempts; try again in {math.ceil(wait_s)} seconds."
            return page(request, "login.html", status=429, shown=False, next=target, wrong=wrong)
        if not self._sessions.is_token(form.get("token", "")):
            wrong = "That is not the token."
            return page(request, "login.html", status=403, shown=False, next=target, wrong=wrong)
        return RedirectResponse(target, 303, {"set-cookie": self._sessions.cookie(request.url.scheme == "https")})

    async def leave(self, request: Request) -> Response:
        cookie = self._sessions.no_cookie(request.url.scheme == "https")
        return RedirectResponse("/login", 303, {"set-cookie": cookie})


async def read_form(request: Request) -> dict[str, str]:
    """The last value of each field. Larger forms than ours have none."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            return {}
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    except ValueError:  # too many fields
        return {}
    return {name: values[-1] for name, values in fields.items()}


def own_path(text: str) -> str:
    """A path of this server, or its first page: never a way to another one."""
    safe = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if safe else "/"
