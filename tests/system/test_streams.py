"""One contract for both ways of an artifact to a device: chunks at a real Mosquitto, and a real web server."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge.device.deployment.chunks import ChunkStream
from edge.device.deployment.stream import ArtifactStream, GoneError, NotWantedError
from edge.device.deployment.web import WebStream
from edge.errors import LinkError
from edge.fleet.rollout.console import RolloutConsole
from edge.fleet.rollout.fleet import FleetState
from edge.fleet.rollout.upload import remove, upload
from edge.protocol.broker import Broker
from edge.protocol.desired import Desired
from edge.protocol.mqtt import MqttTransport

pytestmark = pytest.mark.system

DATA = random.Random(2).randbytes(700_001)
SHA = "ab" * 32


@dataclass
class Way:
    """Where :data:`DATA` is; ``take_away`` removes it, ``end`` stops the other side."""

    open: Callable[[int, Callable[[], bool]], ArtifactStream]
    take_away: Callable[[], None]
    end: Callable[[], None]

    def read(self, start: int = 0, wanted: Callable[[], bool] = lambda: True) -> bytes:
        parts = []
        with closing(self.open(start, wanted)) as stream:
            while data := stream.read(50_000):
                assert len(data) <= 50_000
                parts.append(data)
            assert stream.read(1) == b""
        return b"".join(parts)


@pytest.fixture(params=["mqtt", "web"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    yield from (_mqtt if request.param == "mqtt" else _web)(request, tmp_path)


def _mqtt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    mosquitto = request.getfixturevalue("mosquitto")
    broker = Broker.parse(mosquitto.url)
    console = RolloutConsole(MqttTransport(broker), FleetState("edge", SHA))
    console.open()
    size = upload(console, "edge", SHA, DATA, 30.0, lambda done: None, lambda: True)
    desired = Desired("r1", "cookie", 2, SHA, len(DATA), size)
    yield Way(
        lambda start, wanted: ChunkStream(broker, "d1-model", "edge", desired, start, wanted, patience_s=1.0),
        lambda: remove(console, "edge", SHA, len(DATA), size, 30.0),
        mosquitto.stop,
    )
    console.close()


def _web(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    file = tmp_path / "cookie.tflite"
    file.write_bytes(DATA)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/{file.name}"
    desired = Desired("r1", "cookie", 2, SHA, len(DATA), url=url)

    def end() -> None:
        server.shutdown()
        server.server_close()

    yield Way(lambda start, wanted: WebStream(desired, start, wanted, timeout_s=5.0), file.unlink, end)
    end()


@pytest.mark.parametrize("start", [0, 1, 262_144, 400_000, len(DATA) - 1, len(DATA)])
def test_all_bytes_come_from_the_offset_on(way: Way, start: int) -> None:
    assert way.read(start) == DATA[start:]


def test_what_is_not_there_is_gone(way: Way) -> None:
    way.take_away()
    with pytest.raises(GoneError):
        way.read()


def test_another_side_that_is_away_is_a_lost_link(way: Way) -> None:
    way.end()
    with pytest.raises(LinkError) as caught:
        way.read()
    assert not isinstance(caught.value, GoneError)


def test_nobody_waits_for_what_is_not_wanted(way: Way) -> None:
    answers = iter([True, False, False])
    with pytest.raises(NotWantedError):
        way.read(wanted=lambda: next(answers))


def test_it_can_be_closed_twice_and_before_it_began(way: Way) -> None:
    stream = way.open(0, lambda: True)
    stream.close()
    stream.close()


def test_what_was_uploaded_is_not_sent_again(mosquitto: Any) -> None:
    sent: list[int] = []
    for _ in range(2):
        console = RolloutConsole(MqttTransport(Broker.parse(mosquitto.url)), FleetState("edge", SHA))
        console.open()
        assert upload(console, "edge", SHA, DATA, 30.0, sent.append, lambda: True) == 262_144
        console.close()
    assert sent == [0, 262_144, 524_288, len(DATA)]


def test_chunks_are_as_small_as_the_broker_wants_them(make_mosquitto: Callable[..., Any]) -> None:
    mosquitto = make_mosquitto(max_packet_size="20000")
    mosquitto.start()
    broker = Broker.parse(mosquitto.url)
    console = RolloutConsole(MqttTransport(broker), FleetState("edge", SHA))
    console.open()
    size = upload(console, "edge", SHA, DATA, 30.0, lambda done: None, lambda: True)
    assert 10_000 < size < 20_000
    desired = Desired("r1", "cookie", 2, SHA, len(DATA), size)
    with closing(ChunkStream(broker, "d1-model", "edge", desired, 0, lambda: True)) as stream:
        assert b"".join(iter(partial(stream.read, 1 << 20), b"")) == DATA
    console.close()


def test_chunks_of_another_length_are_not_taken(mosquitto: Any) -> None:
    broker = Broker.parse(mosquitto.url)
    console = RolloutConsole(MqttTransport(broker), FleetState("edge", SHA))
    console.open()
    upload(console, "edge", SHA, DATA, 30.0, lambda done: None, lambda: True)
    console.close()
    desired = Desired("r1", "cookie", 2, SHA, len(DATA), 131_072)
    with (
        closing(ChunkStream(broker, "d1-model", "edge", desired, 0, lambda: True)) as stream,
        pytest.raises(GoneError, match="chunk 0 has 262144 bytes; expected 131072"),
    ):
        stream.read(1)
