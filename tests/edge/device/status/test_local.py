"""The socket in the state folder."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from edge.device.health.snapshot import Snapshot
from edge.device.status import NotRunningError, ask, client, local
from edge.device.status.service import StatusService
from edge.errors import StateError


def serve(folder: Path, snapshot: Snapshot) -> closing[StatusService]:
    service = StatusService(folder)
    service.start(lambda: snapshot)
    return closing(service)


def test_the_answer_is_the_snapshot(tmp_path: Path, snapshot: Snapshot) -> None:
    with serve(tmp_path, snapshot):
        assert ask(tmp_path) == snapshot


def test_only_the_daemons_user_and_group_may_ask(tmp_path: Path, snapshot: Snapshot) -> None:
    with serve(tmp_path, snapshot):
        assert stat.S_IMODE((tmp_path / local.NAME).stat().st_mode) == 0o660


def test_the_socket_goes_with_the_daemon(tmp_path: Path, snapshot: Snapshot) -> None:
    with serve(tmp_path, snapshot):
        ask(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotRunningError, match="no daemon runs on this state folder; start one with 'edge run'"):
        ask(tmp_path)


def test_a_dead_daemons_socket_says_that_none_runs_and_is_replaced(tmp_path: Path, snapshot: Snapshot) -> None:
    local.listen(tmp_path).close()  # as after kill -9: closed, and not removed
    assert (tmp_path / local.NAME).is_socket()
    with pytest.raises(NotRunningError):
        ask(tmp_path)
    with serve(tmp_path, snapshot):
        assert ask(tmp_path) == snapshot


def test_a_state_folder_with_a_path_too_long_for_a_socket_works_too(tmp_path: Path, snapshot: Snapshot) -> None:
    deep = tmp_path
    while len(os.fsencode(deep)) < 300:
        deep = deep / ("ä" * 40)
    deep.mkdir(parents=True)
    with serve(deep, snapshot):
        assert ask(deep) == snapshot
    assert list(deep.iterdir()) == []
    with pytest.raises(NotRunningError):
        ask(deep)


def test_what_is_no_socket_is_not_touched_and_the_line_runs_without(
    tmp_path: Path, snapshot: Snapshot, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / local.NAME).write_text("mine")
    with serve(tmp_path, snapshot):
        assert "is not a socket; move it away; 'edge status' cannot ask this daemon" in caplog.text
    assert (tmp_path / local.NAME).read_text() == "mine"


def test_whoever_asks_while_the_daemon_starts_waits_for_it(tmp_path: Path, snapshot: Snapshot) -> None:
    service = StatusService(tmp_path)
    with closing(service):
        threading.Timer(0.3, service.start, args=(lambda: snapshot,)).start()
        assert ask(tmp_path) == snapshot


def test_a_daemon_that_hangs_is_said_in_the_stated_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", 0.2)
    with closing(StatusService(tmp_path)), pytest.raises(StateError, match="does not answer"):
        ask(tmp_path)


@pytest.mark.parametrize("answer", [b"{}", b"not JSON", b"[]", b'{"health": 3}', b"\xff"])
def test_an_answer_of_another_program_is_not_understood(tmp_path: Path, answer: bytes) -> None:
    with closing(local.listen(tmp_path)) as listener:
        threading.Thread(target=_answer_once, args=(listener, answer)).start()
        with pytest.raises(StateError, match="is not understood") as caught:
            ask(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_crowd_before_a_daemon_that_hangs_waits_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", 0.2)
    with closing(StatusService(tmp_path)), ExitStack() as crowd:
        with pytest.raises(TimeoutError, match="too many others ask"):
            for _ in range(100):
                crowd.enter_context(local.connect(tmp_path, 0.2))
        with pytest.raises(StateError, match="does not answer"):
            ask(tmp_path)


def test_an_endless_answer_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_BYTES", 1000)
    with closing(local.listen(tmp_path)) as listener:
        threading.Thread(target=_answer_once, args=(listener, b"x" * 5000)).start()
        with pytest.raises(StateError, match="longer than 1000 bytes"):
            ask(tmp_path)


def test_a_caller_that_only_sends_gets_its_answer_and_no_more(tmp_path: Path, snapshot: Snapshot) -> None:
    with serve(tmp_path, snapshot):
        for _ in range(10):
            with local.connect(tmp_path, 2) as connection, suppress(BrokenPipeError):
                connection.sendall(b"x" * 1000)
        assert ask(tmp_path) == snapshot


def test_many_callers_at_once_all_get_the_same(tmp_path: Path, make_snapshot: Callable[..., Snapshot]) -> None:
    snapshot, answers = make_snapshot(), []

    def call() -> None:
        answers.append(ask(tmp_path))

    with serve(tmp_path, snapshot):
        threads = [threading.Thread(target=call) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [snapshot] * 30


def _answer_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        local.send(connection, answer)
