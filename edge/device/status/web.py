"""``/metrics`` and ``/healthz`` over HTTP, for programs on this machine or its network."""

from __future__ import annotations

import io
import socket
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from edge.core.address import parse_address
from edge.core.openmetrics import CONTENT_TYPE
from edge.device.status.snapshot_cache import SnapshotCache
from edge.errors import ConfigError

BACKLOG = 8
HEAD_MOST_BYTES = 8192
HEAD_MOST_S = 2.0
"""For the whole head of a request, however its bytes trickle in."""
SEND_MOST_S = 2.0


def listen(text: str) -> socket.socket:
    """Those who connect wait until they are let in. Raises ConfigError, also when the port is taken."""
    host, port = parse_address(text)
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise _unusable(text, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)  # only now is it known whether the port was free
    except OSError as error:
        listener.close()
        raise _unusable(text, error) from None
    return listener


def _unusable(text: str, error: OSError) -> ConfigError:
    reason = error.strerror or str(error)
    return ConfigError(f"health.prometheus: cannot listen on {text} ({reason}); expected a free port of this machine")


def answer(connection: socket.socket, board: SnapshotCache) -> None:
    """One request, one response, whatever the other side does."""
    handler = _Handler(connection, board)
    handler.handle_one_request()
    connection.settimeout(SEND_MOST_S)
    connection.sendall(handler.response)
    connection.shutdown(socket.SHUT_WR)


class _Handler(BaseHTTPRequestHandler):
    """The standard library's, but it reads a bounded head within a bounded time, and no body."""

    def __init__(self, connection: socket.socket, board: SnapshotCache) -> None:
        # Not the base's: it would read from the socket for as long as bytes come.
        self._board = board
        self.client_address = ("", 0)
        self.request_version, self.requestline, self.command = "HTTP/1.0", "", ""
        self.close_connection = True
        self.rfile = io.BufferedReader(io.BytesIO(_read_head(connection)))
        self.wfile = io.BytesIO()

    @property
    def response(self) -> bytes:
        assert isinstance(self.wfile, io.BytesIO)
        return self.wfile.getvalue()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send(HTTPStatus.OK, CONTENT_TYPE, self._board.metrics())
        elif path == "/healthz":
            problems = self._board.problems()
            text = "\n".join(problems or ("ok",)) + "\n"
            status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
            self._send(status, "text/plain; charset=utf-8", text.encode())
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"here are /metrics and /healthz\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Nobody needs to know Python's."""
        return "edge"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: a scrape every few seconds is no news."""


def _read_head(connection: socket.socket) -> bytes:
    """Up to the empty line. Raises OSError when it does not come in time or is too long: then there is no answer."""
    until = time.monotonic() + HEAD_MOST_S
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the request did not come to its end")
        connection.settimeout(left_s)
        part = connection.recv(4096)
        head += part
        if not part or len(head) > HEAD_MOST_BYTES:
            raise ConnectionAbortedError("not a request that is answered here")
    return head
