"""The HTTP port: what it answers, and that bad callers cost it nothing."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.address import parse_address
from edge.device.health.snapshot import STALE_S, Snapshot
from edge.device.status import web
from edge.device.status.listener import WORKERS
from edge.device.status.prometheus import exposition
from edge.device.status.service import StatusService
from edge.errors import ConfigError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A service whose snapshot can be exchanged."""

    def __init__(self, folder: Path, snapshot: Snapshot) -> None:
        self.port, self.snapshot = free_port(), snapshot
        self.service = StatusService(folder, f"127.0.0.1:{self.port}")
        self.service.start(lambda: self.snapshot)

    def request(self, method: str, path: str) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with closing(connection):
            connection.request(method, path)
            response = connection.getresponse()
            return response, response.read()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)


@pytest.fixture
def served(tmp_path: Path, snapshot: Snapshot) -> Iterator[Served]:
    served = Served(tmp_path, snapshot)
    yield served
    served.service.close()


def test_metrics_are_those_of_the_snapshot_in_the_stated_format(served: Served) -> None:
    response, body = served.request("GET", "/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert body.decode() == exposition(served.snapshot)


def test_a_new_snapshot_is_told_at_once(served: Served, make_snapshot: Callable[..., Snapshot]) -> None:
    served.request("GET", "/metrics")
    served.snapshot = make_snapshot(uptime_s=99_999.0)
    _, body = served.request("GET", "/metrics?name=x")
    assert b"edge_uptime_seconds 99999.0\n" in body


def test_healthz_is_ok_or_503_with_the_reasons(served: Served) -> None:
    response, body = served.request("GET", "/healthz")
    assert (response.status, body) == (200, b"ok\n")
    served.snapshot = replace(served.snapshot, problems=("left: lost", "board: under-voltage"))
    response, body = served.request("GET", "/healthz")
    assert (response.status, body) == (503, b"left: lost\nboard: under-voltage\n")
    served.snapshot = replace(served.snapshot, problems=(), at_s=time.monotonic() - STALE_S - 5)
    response, body = served.request("GET", "/healthz")
    assert response.status == 503
    assert body.startswith(b"recorder: has not reported")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/metrics/x", 404), ("POST", "/metrics", 501)]
)
def test_there_is_nothing_else(served: Served, method: str, path: str, status: int) -> None:
    assert served.request(method, path)[0].status == status


def test_head_has_the_headers_alone(served: Served) -> None:
    response, body = served.request("HEAD", "/metrics")
    assert (response.status, body) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(exposition(served.snapshot).encode())


def closes_unanswered(connection: socket.socket) -> bool:
    """Whether the other side ended it without a byte, within the socket's own time-out."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


HOSTILE = {
    "an endless line": b"GET /" + b"a" * 100_000,
    "endless headers": b"GET /metrics HTTP/1.1\r\n" + b"X-A: b\r\n" * 20_000,
    "noise": bytes(range(256)) * 100,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_huge_request_is_cut_off_and_the_next_one_answered(served: Served, case: str) -> None:
    with served.connect() as connection:
        with suppress(OSError):  # it may be closed while we still send
            connection.sendall(HOSTILE[case])
            connection.shutdown(socket.SHUT_WR)
        assert closes_unanswered(connection)
    assert served.request("GET", "/healthz")[0].status == 200


@pytest.mark.parametrize(
    "line", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe /metrics HTTP/1.1\r\n\r\n", b"GET / HTTP/9\r\n\r\n"]
)
def test_what_is_not_http_is_answered_or_closed_and_hurts_nobody(served: Served, line: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(line)
        answer = connection.recv(1 << 16)
        assert answer == b"" or b"HTTP" in answer or b"Error" in answer
    assert served.request("GET", "/healthz")[0].status == 200


def test_a_slow_caller_is_cut_off_after_the_stated_time_however_it_drips(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "HEAD_MOST_S", 0.4)
    with served.connect() as connection:
        connection.settimeout(0.1)
        began, ended = time.monotonic(), False
        while not ended and time.monotonic() - began < 5:
            try:
                connection.sendall(b"G")
                ended = connection.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
        assert ended
        assert time.monotonic() - began < 2


def test_more_callers_than_there_is_room_for_are_closed_and_those_after_them_served(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "HEAD_MOST_S", 1.0)
    before = threading.active_count()
    silent = [served.connect() for _ in range(WORKERS)]
    time.sleep(0.2)
    assert threading.active_count() <= before + WORKERS
    with served.connect() as extra:
        assert closes_unanswered(extra)
    for connection in silent:
        assert closes_unanswered(connection)
        connection.close()
    assert served.request("GET", "/metrics")[0].status == 200


def test_a_reader_that_does_not_read_is_left(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "SEND_MOST_S", 0.2)
    monkeypatch.setattr("edge.device.status.snapshot_cache.exposition", lambda _: "x" * (64 << 20))
    before = threading.active_count()
    with served.connect() as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert eventually(lambda: threading.active_count() > before)
        assert eventually(lambda: threading.active_count() == before)


def eventually(holds: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    until = time.monotonic() + timeout_s
    while not holds() and time.monotonic() < until:
        time.sleep(0.005)
    return holds()


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError) as caught:
            StatusService(tmp_path, address)
    assert str(caught.value) == (
        f"health.prometheus: cannot listen on {address} (Address already in use); "
        "expected a free port of this machine"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_not_here_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"health\.prometheus: cannot listen on no-such-host\.invalid:9095"):
        StatusService(tmp_path, "no-such-host.invalid:9095")


def test_the_port_is_free_again_after_the_end(served: Served, tmp_path: Path) -> None:
    served.request("GET", "/metrics")
    served.service.close()
    again = StatusService(tmp_path, f"127.0.0.1:{served.port}")
    again.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:9095", ("127.0.0.1", 9095)), ("[::1]:80", ("::1", 80)), ("localhost:65535", ("localhost", 65535))],
)
def test_addresses_are_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "9095", ":9095", "host:", "host:0", "host:65536", "host:x", "::1:80", "host:٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected host:port, e\.g\. 127\.0\.0\.1:9095, got"):
        parse_address(text)
