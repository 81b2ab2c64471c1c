"""An artifact from a web server: HTTP with ranges (RFC 9110, section 14), so that it goes on where it broke off."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from edge.device.deployment.stream import GoneError, NotWantedError
from edge.errors import LinkError, MessageError
from edge.protocol.desired import Desired, check_url

TIMEOUT_S = 30.0
"""For the connection, and for each read."""
_REDIRECTS = 5


class WebStream:
    """See :class:`edge.device.deployment.stream.ArtifactStream`; begins ``start`` bytes into the artifact."""

    def __init__(
        self,
        desired: Desired,
        start: int,
        wanted: Callable[[], bool],
        ca: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Connects with the first read. ``ca``: authorities (PEM) beside the system's, for https."""
        self._desired, self._start, self._wanted, self._timeout_s = desired, start, wanted, timeout_s
        self._ca = ca
        self._left = desired.size - start
        self._response: Any = None

    def read(self, size: int, /) -> bytes:
        if not self._wanted():
            raise NotWantedError("no longer wanted")
        if self._left <= 0:
            return b""
        try:
            if self._response is None:
                self._response = self._open()
            data: bytes = self._response.read1(min(size, self._left))
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, LinkError):
                raise
            raise LinkError(f"{self._desired.url}: {_reason(error)}") from None
        self._left -= len(data)
        return data

    def close(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()

    def _open(self) -> Any:
        headers = {"Range": f"bytes={self._start}-", "Accept-Encoding": "identity", "User-Agent": "edgeline"}
        request = urllib.request.Request(self._desired.url, headers=headers)
        context = ssl.create_default_context()
        if self._ca is not None:
            context.load_verify_locations(self._ca)
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _SameKind())
        try:
            response = opener.open(request, timeout=self._timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            kind = GoneError if error.code < 500 else LinkError
            raise kind(f"{self._desired.url}: {error.code} {error.reason}") from None
        try:
            self._check(response)
        except BaseException:
            response.close()
            raise
        return response

    def _check(self, response: Any) -> None:
        """The whole of it is as long as it was said to be; a server without ranges sends it from its beginning."""
        size = self._desired.size
        if response.status == 206:
            expected = f"bytes {self._start}-{size - 1}/{size}"
            if response.headers["Content-Range"] != expected:
                found = response.headers["Content-Range"]
                raise GoneError(f"{self._desired.url}: Content-Range {found!r:.60}; expected {expected!r}")
            return
        length = response.headers["Content-Length"]
        if length is not None and length != str(size):
            raise GoneError(f"{self._desired.url}: {length} bytes; expected {size}")
        self._skip(response)

    def _skip(self, response: Any) -> None:
        left = self._start
        while left > 0:
            data = response.read1(min(left, 1 << 16))
            if not data:
                raise LinkError(f"{self._desired.url}: ended early")
            left -= len(data)


class _SameKind(urllib.request.HTTPRedirectHandler):
    """Not to ftp, and not from https to http."""

    max_redirections = _REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            check_url(newurl)
        except MessageError as error:
            raise GoneError(f"{req.full_url}: leads elsewhere: {error}") from None
        if req.type == "https" and not newurl.startswith("https:"):
            raise GoneError(f"{req.full_url}: leads away from https, to {newurl!r:.80}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return " ".join(str(text).split())[:200]
