"""What systemd hears, on a real datagram socket."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.device.service.notify import notify, watchdog_s


@pytest.fixture(params=["file", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The manager's end, which the environment names."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield manager


def test_a_state_is_one_datagram_with_a_line_for_each_assignment(heard: socket.socket) -> None:
    assert notify(READY=1, STATUS="judging")
    assert heard.recv(4096) == b"READY=1\nSTATUS=judging"


def test_a_line_break_in_a_value_is_no_assignment(heard: socket.socket) -> None:
    notify(STATUS="camera\nWATCHDOG=1")
    assert heard.recv(4096) == b"STATUS=camera WATCHDOG=1"


def test_nobody_is_told_outside_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify(READY=1)


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/notify", "@" + "x" * 200])
def test_a_socket_that_cannot_be_reached_harms_nobody(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify(READY=1)


def test_a_manager_that_does_not_read_holds_nobody_up(heard: socket.socket) -> None:
    sent = 0
    while notify(STATUS="x" * 1000):
        sent += 1
        assert sent < 10_000
    assert sent > 0


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("10000000", lambda: str(os.getpid()), 10.0),
        ("500000", lambda: "", 0.5),
        ("10000000", lambda: str(os.getpid() + 1), None),
        ("0", lambda: "", None),
        ("soon", lambda: "", None),
        ("", lambda: "", None),
    ],
)
def test_the_watchdogs_time_is_read_from_the_environment(
    usec: str, pid: Callable[[], str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid())
    assert watchdog_s() == seconds
