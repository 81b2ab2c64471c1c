"""A running daemon's gate by hand, through the socket in its state folder."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.device.status import NotRunningError, local
from edge.device.status.control import NAME, GateOffAnswer, ask_off
from edge.device.status.service import StatusService
from edge.errors import StateError
from edge.gates import GateCondition, SimulatedGate


class Gate(SimulatedGate):
    """Whose off is confirmed, or not."""

    def __init__(self) -> None:
        super().__init__()
        self.confirms = True
        self.asked = 0

    def drive_off(self, within_s: float) -> bool:
        self.asked += 1
        return self.confirms

    def condition(self) -> GateCondition:
        return GateCondition() if self.confirms else GateCondition("the PLC is away", open_since_ns=7)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Served in ``tmp_path``, before there is anything else to tell."""
    made = Gate()
    with closing(StatusService(tmp_path)) as service:
        service.serve_gate(made)
        yield made
    assert not (tmp_path / NAME).exists()


def test_the_daemon_drives_it_off_and_says_what_came_of_it(gate: Gate, tmp_path: Path) -> None:
    assert ask_off(tmp_path) == GateOffAnswer(True)
    gate.confirms = False
    assert ask_off(tmp_path) == GateOffAnswer(False, "the PLC is away", 7)
    assert gate.asked == 2


@pytest.mark.parametrize("request_", [b"", b"gate on\n", b"x" * 10_000])
def test_other_words_do_nothing(gate: Gate, tmp_path: Path, request_: bytes) -> None:
    with local.connect(tmp_path, 3, NAME) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    assert gate.asked == 0
    assert ask_off(tmp_path).off


def test_only_the_daemons_user_and_group_may_ask(gate: Gate, tmp_path: Path) -> None:
    assert (tmp_path / NAME).stat().st_mode & 0o777 == local.MODE


def test_where_no_daemon_runs_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError):
        ask_off(tmp_path)


def test_a_daemon_that_answers_nonsense_is_one_that_does_not_answer(tmp_path: Path) -> None:
    with closing(local.listen(tmp_path, NAME)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b'{"off": "perhaps"}\n')

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(StateError, match=r"does not answer .* stop it, then 'edge gate off' again"):
            ask_off(tmp_path)
        thread.join()
