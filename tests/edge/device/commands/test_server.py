"""Requests: answered each, done once at most, and nothing that anybody sends does harm."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.device.commands.allowed import check_allowed
from edge.device.commands.server import REMEMBERED, WAITING_MOST, CommandServer
from edge.device.commands.settings import change
from edge.errors import ConfigError
from edge.protocol.request import MAX_BYTES, Request
from edge.protocol.transport import IncomingMessage

OWN = "edge/v1/d/ack"


def request(**fields: Any) -> bytes:
    return json.dumps({"id": "a", "command": "status"} | fields).encode()


class Office:
    """Does what it is told, and remembers it."""

    def __init__(self) -> None:
        self.done: list[Request] = []
        self.gate = threading.Event()
        self.gate.set()

    def work(self, request: Request) -> Any:
        self.gate.wait(5)
        self.done.append(request)
        if request.count == 13:
            raise ConfigError("count: expected luck")
        if request.count == 14:
            raise ZeroDivisionError("oops")
        return {"n": len(self.done)}


@pytest.fixture
def recorder() -> Office:
    return Office()


@pytest.fixture
def desk(recorder: Office) -> Iterator[CommandServer]:
    handlers = dict.fromkeys(("status", "audit", "set", "doctor"), recorder.work)
    desk = CommandServer(handlers, ["status", "audit", "set:health.interval_s"], OWN)
    yield desk
    recorder.gate.set()
    desk.close()


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def answers(desk: CommandServer, count: int) -> list[dict[str, Any]]:
    eventually(lambda: len(desk.answers) >= count)
    return [json.loads(answer.payload) for answer in desk.answers]


def test_a_request_is_done_and_answered_with_its_correlation(desk: CommandServer, recorder: Office) -> None:
    desk.offer(IncomingMessage(request(), f"{OWN}/console", b"\x00\x01"))
    assert answers(desk, 1) == [{"id": "a", "ok": True, "result": {"n": 1}}]
    assert (desk.answers[0].topic, desk.answers[0].correlation) == (f"{OWN}/console", b"\x00\x01")


def test_a_repeated_request_is_answered_again_and_not_done_again(desk: CommandServer, recorder: Office) -> None:
    desk.offer(IncomingMessage(request()))
    first = answers(desk, 1)[0]
    for _ in range(5):
        desk.offer(IncomingMessage(request(), correlation=b"again"))
    assert answers(desk, 6) == [first] * 6
    assert (len(recorder.done), desk.repeated) == (1, 5)


def test_a_request_that_is_under_way_is_not_begun_again(desk: CommandServer, recorder: Office) -> None:
    recorder.gate.clear()
    for _ in range(3):
        desk.offer(IncomingMessage(request()))
    recorder.gate.set()
    answers(desk, 1)
    time.sleep(0.05)
    assert (len(recorder.done), len(desk.answers)) == (1, 1)


@pytest.mark.parametrize("fields", [{"command": "doctor"}, {"command": "set", "setting": "sync.predictions"}])
def test_what_the_device_does_not_allow_is_refused(
    desk: CommandServer, recorder: Office, fields: dict[str, str]
) -> None:
    desk.offer(IncomingMessage(request(**fields)))
    (answer,) = answers(desk, 1)
    assert (answer["id"], answer["ok"]) == ("a", False)
    assert "sync.commands" in answer["error"]
    assert (recorder.done, desk.refused) == ([], 1)


def test_a_failure_is_an_answer_too(desk: CommandServer) -> None:
    desk.offer(IncomingMessage(request(id="b", count=13)))
    desk.offer(IncomingMessage(request(id="c", count=14)))
    assert [answer["error"] for answer in answers(desk, 2)] == ["count: expected luck", "ZeroDivisionError: oops"]


def test_too_many_at_once_are_told_to_come_again_and_may(desk: CommandServer, recorder: Office) -> None:
    recorder.gate.clear()
    for number in range(WAITING_MOST + 5):
        desk.offer(IncomingMessage(request(id=str(number))))
    assert desk.refused >= 4
    recorder.gate.set()
    busy = [answer["id"] for answer in answers(desk, WAITING_MOST + 5) if "busy" in answer.get("error", "")]
    assert len(busy) == desk.refused
    desk.offer(IncomingMessage(request(id=busy[0])))
    eventually(
        lambda: json.loads(desk.answers[-1].payload) | {"result": 0} == {"id": busy[0], "ok": True, "result": 0}
    )


@pytest.mark.parametrize("topic", ["", "edge/v1/other/ack", f"{OWN}/#", f"{OWN}x", f"{OWN}/\x00", "$SYS/x"])
def test_nobody_makes_the_device_write_elsewhere(desk: CommandServer, topic: str) -> None:
    desk.offer(IncomingMessage(request(), topic))
    answers(desk, 1)
    assert desk.answers[0].topic == OWN


def test_a_retained_request_is_refused(desk: CommandServer, recorder: Office) -> None:
    desk.offer(IncomingMessage(request(), retained=True))
    assert answers(desk, 1)[0]["ok"] is False
    assert recorder.done == []


def mutated(chance: random.Random) -> bytes:
    """Noise, and requests that are nearly right."""
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return b"[" * chance.randrange(1, MAX_BYTES)
    fields: dict[str, Any] = {"id": "x", "command": "status"}
    hostile = [None, [], {}, "", "a" * 999, -1, 1e308, 2**70, True, "../../x", "\u202e", "'; DROP TABLE boot;--"]
    if kind == 2:
        fields[chance.choice(["id", "command", "setting", "value", "count", "extra"])] = chance.choice(hostile)
    if kind == 3:
        fields |= {"command": "set", "setting": chance.choice(["__class__", "sync.password_file", "a.b.c"])}
    data = bytearray(json.dumps(fields).encode())
    if kind == 4:
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    if kind == 5:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


@pytest.mark.slow
def test_a_hundred_thousand_hostile_messages_are_each_counted_and_none_does_harm(
    desk: CommandServer, recorder: Office, caplog: pytest.LogCaptureFixture
) -> None:
    chance, count = random.Random(11), 100_000
    for _ in range(count):
        desk.offer(IncomingMessage(mutated(chance), retained=chance.random() < 0.01))
    eventually(lambda: desk.executed == len(recorder.done) and desk._queue.empty())
    assert desk.executed + desk.refused + desk.repeated == count
    assert desk.refused > 70_000
    assert {(done.command, done.setting) for done in recorder.done} <= {
        ("status", s) for s in ("", *map(str, HARMLESS))
    }
    assert len(desk.answers) <= REMEMBERED
    assert len(desk._done) <= REMEMBERED
    assert len(caplog.records) < 100
    desk.answers.clear()
    desk.offer(IncomingMessage(request(id="still-there")))
    assert answers(desk, 1)[0]["ok"] is True


HARMLESS = ["", "a" * 999, "../../x", "\u202e", "'; DROP TABLE boot;--"]


def test_only_what_exists_can_be_allowed() -> None:
    check_allowed(["status", "doctor", "audit", "set:health.interval_s"])
    for name in ("reboot", "set:", "set:device.id", "set"):
        with pytest.raises(ConfigError, match=r"sync\.commands"):
            check_allowed([name])


def test_a_setting_takes_what_the_file_would_take_and_nothing_else() -> None:
    found: dict[str, Any] = {}
    setters = {"health.interval_s": lambda value: found.update(value=value)}
    ask = Request("a", "set", "health.interval_s", 30)
    assert change(setters, ask)["value"] == 30.0
    assert found == {"value": 30.0}
    for value in (0.0, "ten", None, True, 1e9):
        with pytest.raises(ConfigError, match=r"health\.interval_s"):
            change(setters, Request("a", "set", "health.interval_s", value))
    assert found == {"value": 30.0}
