"""One contract for every way out, with a real Mosquitto behind MQTT."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.device.sync import Acknowledgement, Outgoing, Transport, open_transport
from edge.errors import LinkError

pytestmark = pytest.mark.system

Received = tuple[str, bytes, bool]


@dataclass
class Way:
    """A transport and what comes out at its other end."""

    uri: str
    received: Callable[[], list[Received]]


@pytest.fixture(params=["mqtt", "file"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    if request.param == "file":
        path = tmp_path / "out.jsonl"
        yield Way(path.as_uri(), lambda: [of_line(line) for line in path.read_text().splitlines()])
        return
    url = request.getfixturevalue("mosquitto").url
    with_listener = Listener(url)
    yield Way(url, with_listener.received)
    with_listener.close()


@pytest.fixture
def transport(way: Way) -> Iterator[Transport]:
    transport = open_transport(way.uri, client_id="contract")
    transport.connect()
    yield transport
    transport.close()


class Listener:
    """Any other MQTT client, subscribed to everything."""

    def __init__(self, url: str) -> None:
        self._messages: list[Received] = []
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = lambda _c, _u, m: self._messages.append((m.topic, bytes(m.payload), m.retain))
        self._client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
        granted: list[Any] = []
        self._client.on_subscribe = lambda *arguments: granted.append(arguments)
        self._client.subscribe("#", qos=1)
        while not granted:
            self._client.loop(1.0)

    def received(self) -> list[Received]:
        quiet_since, count = time.monotonic(), len(self._messages)
        while time.monotonic() - quiet_since < 0.2:
            self._client.loop(0.05)
            if len(self._messages) > count:
                quiet_since, count = time.monotonic(), len(self._messages)
        return list(self._messages)

    def close(self) -> None:
        self._client.disconnect()


def of_line(line: str) -> Received:
    fields = json.loads(line)
    if "payload_base64" in fields:
        return fields["topic"], base64.b64decode(fields["payload_base64"]), False
    return fields["topic"], json.dumps(fields["payload"], separators=(",", ":")).encode(), False


def settle(transport: Transport, count: int) -> list[Acknowledgement]:
    settled: list[Acknowledgement] = []
    deadline = time.monotonic() + 5
    while len(settled) < count and time.monotonic() < deadline:
        settled += transport.poll(0.1)
    return settled


def test_every_publication_is_acknowledged_once_and_arrives_whole(transport: Transport, way: Way) -> None:
    payloads = [b'{"n":%d,"text":"%s"}' % (n, b"x" * n * 50) for n in range(20)] + [b"\x00\xff not JSON"]
    tokens = [transport.publish(Outgoing("edge/v1/bäcker/drift/m", payload)) for payload in payloads]
    settled = settle(transport, len(tokens))
    assert sorted(a.token for a in settled) == sorted(set(tokens))
    assert all(a.ok and not a.refused for a in settled)
    assert transport.poll(0.05) == []
    assert [(topic, payload) for topic, payload, _ in way.received()] == [
        ("edge/v1/bäcker/drift/m", p) for p in payloads
    ]


def test_a_token_is_never_used_twice_also_over_connections(transport: Transport) -> None:
    tokens = []
    for _ in range(3):
        tokens += [transport.publish(Outgoing("t", b"1")) for _ in range(3)]
        transport.connect()
    assert len(set(tokens)) == 9


def test_what_a_lost_connection_left_open_is_forgotten(transport: Transport) -> None:
    transport.publish(Outgoing("t", b"1"))
    transport.connect()
    last = transport.publish(Outgoing("t", b"2"))
    assert [a.token for a in settle(transport, 1)] == [last]


def test_polling_without_news_takes_its_time_and_no_more(transport: Transport) -> None:
    began = time.monotonic()
    assert transport.poll(0.2) == []
    assert 0.15 < time.monotonic() - began < 2


@pytest.mark.parametrize("clean", [True, False])
def test_a_closed_transport_says_so_and_may_be_closed_again(transport: Transport, clean: bool) -> None:
    transport.close(clean=clean)
    transport.close()
    with pytest.raises(LinkError, match="not connected"):
        transport.publish(Outgoing("t", b"1"))
    with pytest.raises(LinkError, match="not connected"):
        transport.poll(0.1)


@pytest.mark.parametrize("uri", ["mqtt://127.0.0.1:1", "mqtt://nowhere.invalid", "file:///nowhere/out.jsonl"])
def test_an_other_side_that_is_not_there_is_an_error_that_names_it(uri: str) -> None:
    with pytest.raises(LinkError, match=uri.removeprefix("file://")):
        open_transport(uri).connect()


# -- what only MQTT has -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("clean", "published"), [(True, []), (False, [b'"gone"'])])
def test_the_will_is_published_unless_the_end_was_clean(mosquitto: Any, clean: bool, published: list[bytes]) -> None:
    listener, transport = Listener(mosquitto.url), open_transport(mosquitto.url)
    transport.connect(Outgoing("edge/v1/d/status", b'"gone"', retain=True))
    transport.close(clean=clean)
    assert [payload for _, payload, _ in listener.received()] == published
    listener.close()


def test_nobody_listens_is_not_ok_and_no_refusal(mosquitto: Any) -> None:
    transport = open_transport(mosquitto.url)
    transport.connect()
    token = transport.publish(Outgoing("t", b"1"))
    assert settle(transport, 1) == [Acknowledgement(token, ok=False, reason="No matching subscribers", refused=False)]
    transport.close()


def test_the_brokers_limits_are_kept(make_mosquitto: Any) -> None:
    broker = make_mosquitto(max_inflight_messages="3", max_packet_size="20000")
    broker.start()
    transport = open_transport(broker.url)
    transport.connect()
    assert (transport.window, transport.limit_bytes < 20_000) == (3, True)
    transport.publish(Outgoing("t/" + "x" * 400, b"1" * transport.limit_bytes))
    assert len(settle(transport, 1)) == 1
    transport.close()


def test_a_lost_broker_is_noticed_and_a_hundred_connections_leave_nothing_open(mosquitto: Any) -> None:
    transport = open_transport(mosquitto.url)
    before = open_files()
    for _ in range(100):
        transport.connect()
        transport.publish(Outgoing("t", b"1"))
        transport.poll(0.01)
    assert open_files() <= before + 3  # the socket, and paho's pair to wake itself
    mosquitto.kill()
    with pytest.raises(LinkError, match="lost"):
        settle(transport, 100)
    transport.close()
    assert open_files() <= before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_wrong_password_is_said(make_mosquitto: Any, tmp_path: Path) -> None:
    passwords, right, wrong = tmp_path / "passwords", tmp_path / "right", tmp_path / "wrong"
    # As mosquitto_passwd writes it: PBKDF2 with SHA-512, 101 rounds.
    salt, hashed = b"12 bytes.   ", hashlib.pbkdf2_hmac("sha512", b"secret", b"12 bytes.   ", 101)
    passwords.write_text(f"oven:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(hashed).decode()}\n")
    right.write_text("secret\n")
    wrong.write_text("guess\n")
    broker = make_mosquitto(allow_anonymous="false", password_file=str(passwords))
    broker.start()
    with pytest.raises(LinkError, match="Not authorized"):
        open_transport(broker.url, user="oven", password_file=wrong).connect()
    transport = open_transport(broker.url, user="oven", password_file=right)
    transport.connect()
    transport.close()


@pytest.fixture
def authority(openssl: str, tmp_path: Path) -> Callable[[str], Path]:
    """``authority("ca")`` makes a self-signed certificate for 127.0.0.1, ``ca.pem``, and its key, ``ca.key``."""

    def make(name: str) -> Path:
        subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        files = ["-out", str(tmp_path / f"{name}.pem"), "-keyout", str(tmp_path / f"{name}.key")]
        subprocess.run([openssl, "req", *kind, *subject, *files], check=True, capture_output=True)
        return tmp_path / f"{name}.pem"

    return make


def test_tls_lets_in_who_has_a_certificate_and_trusts_whom_it_knows(
    make_mosquitto: Any, authority: Callable[[str], Path]
) -> None:
    server, device, stranger = authority("server"), authority("device"), authority("stranger")
    broker = make_mosquitto(
        cafile=str(device),
        certfile=str(server),
        keyfile=str(server.with_suffix(".key")),
        require_certificate="true",
    )
    broker.start()
    uri = broker.url.replace("mqtt:", "mqtts:")
    transport = open_transport(uri, ca=server, cert=device, key=device.with_suffix(".key"))
    transport.connect()
    transport.publish(Outgoing("t", b"x" * 300_000))
    assert len(settle(transport, 1)) == 1
    transport.close()
    refused: list[dict[str, Any]] = [
        {"ca": stranger, "cert": device, "key": device.with_suffix(".key")},
        {"ca": server, "cert": stranger, "key": stranger.with_suffix(".key")},
        {"ca": server},
    ]
    for options in refused:
        with pytest.raises(LinkError, match=uri):
            open_transport(uri, **options).connect()
