"""Commands to a running daemon over a real Mosquitto."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes

from edge.device.audit.folder import read_samples
from edge.monitor import Store
from edge.protocol.connection import properties_of
from tests.support.daemon import Daemon

pytestmark = pytest.mark.system

CMD, ACK = "edge/v1/line-1/cmd", "edge/v1/line-1/ack"
UNANSWERED_MOST = 400
"""A broker drops what waits beyond a thousand."""


class Console:
    """Any MQTT 5 client that asks."""

    def __init__(self, url: str, **options: Any) -> None:
        self.answers: list[tuple[dict[str, Any], bytes]] = []
        self.refusals = 0
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        if "user" in options:
            self._client.username_pw_set(options["user"])
        self._client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self._client.subscribe(f"{ACK}/#", qos=1)
        self.wait(lambda: False, 0.3)

    def wait(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        until = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < until:
            self._client.loop(0.02)

    def wait_for_answers(self, count: int) -> None:
        self.wait(lambda: len(self.answers) >= count, 60)

    def send(self, payload: bytes, correlation: bytes = b"1") -> None:
        properties = properties_of(PacketTypes.PUBLISH, ResponseTopic=f"{ACK}/console", CorrelationData=correlation)
        self._client.publish(CMD, payload, 1, properties=properties)
        self._client.loop(0.0)

    def ask(self, **fields: Any) -> dict[str, Any]:
        before = len(self.answers)
        self.send(json.dumps(fields).encode(), fields["id"].encode())
        self.wait(lambda: len(self.answers) > before)
        answer, correlation = self.answers[before]
        assert (answer["id"], correlation) == (fields["id"], fields["id"].encode())
        return answer

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        self.answers.append((json.loads(message.payload), message.properties.CorrelationData))

    def _on_publish(self, _client: Any, _userdata: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self.refusals += reason.is_failure


@pytest.fixture
def daemon(write_config: Callable[..., Path], start: Callable[..., Daemon], mosquitto: Any) -> Daemon:
    allowed = '["status", "doctor", "audit", "set:health.interval_s"]'
    config = write_config(source="sim://line?width=64&height=48&fps=50", policy="latest", broker=mosquitto.url)
    text = config.read_text().replace("predictions = true", f"predictions = true\ncommands = {allowed}")
    config.write_text(text)
    daemon = start(config)
    daemon.wait_for("connected")
    return daemon


def test_every_command_is_answered_and_done_once(
    tmp_path: Path, daemon: Daemon, mosquitto: Any, monitor: Callable[[str], Path]
) -> None:
    store, console = monitor(mosquitto.url), Console(mosquitto.url)
    status = console.ask(id="1", command="status")
    assert status["ok"]
    assert status["result"]["health"]["device"] == "line-1"
    assert {"python", "runtime", "clock"} <= {
        found["check"] for found in console.ask(id="2", command="doctor")["result"]
    }
    changed = console.ask(id="3", command="set", setting="health.interval_s", value=0.5)
    assert changed["result"]["value"] == 0.5
    assert "from 0.5" in console.ask(id="4", command="set", setting="health.interval_s", value=0)["error"]
    assert "not allowed" in console.ask(id="5", command="set", setting="buffer.commit_s", value=1)["error"]
    assert console.ask(id="6", command="audit", count=7)["ok"]
    assert console.ask(id="6", command="audit", count=7) == console.answers[-2][0]
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with closing(Store(store)) as opened:
            if opened.count("audit", "line-1") >= 7:
                break
        time.sleep(0.1)
    time.sleep(0.5)
    with closing(Store(store)) as opened:
        assert opened.count("audit", "line-1") == 7
        assert opened.set_aside() == {}
        told = [json.loads(text) for text in opened.messages("audit", "line-1")]
    labels = [one["scores"] for one in told]
    assert all(abs(sum(scores.values()) - 1) < 0.05 and len(scores) == 3 for scores in labels)
    kept = {sample.seq: sample for sample in read_samples(tmp_path / "state" / "audit")}
    assert {one["record_seq"] for one in told} == set(kept)
    assert {(sample.why, sample.request) for sample in kept.values()} == {(("requested",), "6")}


def test_two_thousand_hostile_messages_over_the_wire_leave_the_daemon_as_it_was(
    daemon: Daemon, mosquitto: Any
) -> None:
    chance, console = random.Random(2), Console(mosquitto.url)
    for number in range(2000):
        console.send(chance.choice([chance.randbytes(50), b"[" * 3000, b'{"id":', b"", b'{"id":"x","command":"rm"}']))
        if number % 50 == 0:
            console.wait_for_answers(number - UNANSWERED_MOST)
    console.wait_for_answers(2000)
    assert len(console.answers) == 2000
    assert not any(answer["ok"] for answer, _ in console.answers)
    assert console.ask(id="after", command="status")["ok"]
    assert daemon.log.read_text().count("was refused") == 1


def test_a_device_that_allows_nothing_does_not_listen(
    write_config: Callable[..., Path], start: Callable[..., Daemon], mosquitto: Any
) -> None:
    daemon = start(write_config(source="sim://line?width=64&height=48&fps=50", policy="latest", broker=mosquitto.url))
    daemon.wait_for("connected")
    console = Console(mosquitto.url)
    console.send(b'{"id": "1", "command": "status"}')
    console.wait(lambda: bool(console.answers), 1.0)
    assert console.answers == []


def test_whom_the_acl_does_not_let_ask_is_not_heard(
    write_config: Callable[..., Path],
    start: Callable[..., Daemon],
    make_mosquitto: Callable[..., Any],
    tmp_path: Path,
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic read {ACK}/#\ntopic readwrite edge/v1/line-1/status\nuser boss\ntopic readwrite edge/#\n")
    broker = make_mosquitto(acl_file=str(acl))
    broker.start()
    config = write_config(source="sim://line?width=64&height=48&fps=50", policy="latest", broker=broker.url)
    text = config.read_text().replace("predictions = true", 'commands = ["status"]\nusername = "boss"')
    config.write_text(text)
    start(config).wait_for("connected")
    stranger = Console(broker.url)
    stranger.send(b'{"id": "1", "command": "status"}')
    stranger.wait(lambda: stranger.refusals > 0, 3.0)
    assert (stranger.refusals, stranger.answers) == (1, [])
    assert Console(broker.url, user="boss").ask(id="2", command="status")["ok"]
