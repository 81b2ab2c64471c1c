"""Artifacts from a real web server: with ranges and without, cut off, moved, of another size, encrypted."""

from __future__ import annotations

import random
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge.device.deployment.stream import GoneError, NotWantedError
from edge.device.deployment.web import WebStream
from edge.errors import LinkError
from edge.protocol.desired import Desired

DATA = random.Random(1).randbytes(300_000)


MOVED = {
    "/moved": "/ranges",
    "/elsewhere": "file:///etc/passwd",
    "/ftp": "ftp://127.0.0.1/cookie.tflite",
    "/unencrypted": "http://127.0.0.1:1/ranges",
}


class Handler(BaseHTTPRequestHandler):
    """``/ranges``, ``/whole``, ``/cut`` (a part of it, then the end), and those of no use."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """By the path."""
        start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])  # type: ignore[index]
        match self.path:
            case "/ranges":
                self._send(206, DATA[start:], f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
            case "/whole":
                self._send(200, DATA)
            case "/cut":
                self._send(206, DATA[start:], f"bytes {start}-{len(DATA) - 1}/{len(DATA)}", most=100_000)
            case "/wrong":
                self._send(206, DATA[start:], f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
            case "/short":
                self._send(200, DATA[:-1])
            case path if path in MOVED:
                self._send(302, b"", location=MOVED[path])
            case "/busy":
                self._send(503, b"")
            case _:
                self._send(404, b"")

    def _send(self, code: int, body: bytes, content_range: str = "", most: int = 1 << 30, location: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        if content_range:
            self.send_header("Content-Range", content_range)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body[:most])
        self.close_connection = most < len(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Silent."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that go away early."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Silent."""


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """``serve()`` or ``serve(context)``: the address of a server, with TLS where there is a context."""
    servers: list[ThreadingHTTPServer] = []

    def begin(context: ssl.SSLContext | None = None) -> str:
        server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def fetch(
    url: str, start: int = 0, size: int = len(DATA), ca: Path | None = None, wanted: Callable[[], bool] = lambda: True
) -> bytes:
    desired = Desired("r1", "cookie", 2, "ab" * 32, size, url=url)
    parts = []
    with closing(WebStream(desired, start, wanted, ca, timeout_s=5.0)) as stream:
        while data := stream.read(1 << 14):
            parts.append(data)
    return b"".join(parts)


@pytest.mark.parametrize("path", ["ranges", "whole", "moved"])
@pytest.mark.parametrize("start", [0, 123_456, len(DATA)])
def test_it_begins_where_it_is_asked_to(serve: Callable[..., str], path: str, start: int) -> None:
    assert fetch(f"{serve()}/{path}", start) == DATA[start:]


def test_a_connection_that_ends_early_gives_what_came(serve: Callable[..., str]) -> None:
    url, found = f"{serve()}/cut", b""
    for _ in range(3):
        found += fetch(url, len(found))
    assert found == DATA


@pytest.mark.parametrize(
    ("path", "start", "reason"),
    [
        ("none", 0, "404 Not Found"),
        ("wrong", 5, r"Content-Range 'bytes 0-\d+/\d+'; expected 'bytes 5-"),
        ("short", 0, "299999 bytes; expected 300000"),
    ],
)
def test_what_is_not_there_or_not_it_is_gone(serve: Callable[..., str], path: str, start: int, reason: str) -> None:
    with pytest.raises(GoneError, match=reason):
        fetch(f"{serve()}/{path}", start)


def test_a_server_in_trouble_is_asked_again(serve: Callable[..., str]) -> None:
    for url in (f"{serve()}/busy", "http://127.0.0.1:1/ranges", "http://nowhere.invalid/x"):
        with pytest.raises(LinkError) as caught:
            fetch(url)
        assert not isinstance(caught.value, GoneError)
        assert str(caught.value).startswith(f"{url}: ")


def test_no_more_is_read_than_was_announced(serve: Callable[..., str]) -> None:
    with pytest.raises(GoneError, match="300000 bytes; expected 1000"):
        fetch(f"{serve()}/whole", size=1000)


def test_it_is_not_led_to_files_of_the_device(serve: Callable[..., str]) -> None:
    with pytest.raises(GoneError, match="Redirection to url 'file:///etc/passwd' is not allowed"):
        fetch(f"{serve()}/elsewhere")
    with pytest.raises(GoneError, match=r"leads elsewhere: .* got 'ftp://"):
        fetch(f"{serve()}/ftp")


def test_it_ends_when_it_is_no_longer_wanted(serve: Callable[..., str]) -> None:
    answers = iter([True, True, False])
    with pytest.raises(NotWantedError):
        fetch(f"{serve()}/ranges", wanted=lambda: next(answers))


def test_over_https_the_certificate_counts(serve: Callable[..., str], tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    words = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *words]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    url = serve(context)
    assert fetch(f"{url}/ranges", 7, ca=certificate) == DATA[7:]
    with pytest.raises(LinkError, match="certificate verify failed"):
        fetch(f"{url}/ranges")
    with pytest.raises(GoneError, match="leads away from https"):
        fetch(f"{url}/unencrypted", ca=certificate)
