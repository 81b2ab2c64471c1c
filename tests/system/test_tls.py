"""Who may connect to the broker with TLS, and what each may say and hear; on a real Mosquitto, with the certificates
and the configuration that deploy/ makes and ships.
"""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.mosquitto.local import Mosquitto
from edge.device.sync import open_transport
from edge.errors import LinkError
from edge.monitor import Store
from tests.edge.device.deployment.lines import judged
from tests.support.daemon import EDGE, Daemon, delivered, wait_until
from tests.support.pki import Authority, published, tls_settings

pytestmark = pytest.mark.system

NAMES = ("line-1", "line-2", "monitor", "operator")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, openssl: str) -> Authority:
    """With certificates for two devices, a monitor, an operator and the broker."""
    authority = Authority(tmp_path_factory.mktemp("plant"))
    authority("init", "Bakery")
    authority("broker", "localhost", "127.0.0.1")
    for name in NAMES:
        authority("client" if name in ("monitor", "operator") else "device", name)
    return authority


@pytest.fixture
def own_plant(plant: Authority, tmp_path: Path) -> Authority:
    """A copy to be changed."""
    shutil.copytree(plant.folder, tmp_path / "plant")
    return Authority(tmp_path / "plant")


@pytest.fixture
def secure(make_mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> Callable[[Authority], Mosquitto]:
    """``secure(authority)``: a running broker with its certificates."""

    def start(authority: Authority) -> Mosquitto:
        folder = tmp_path / "etc"
        folder.mkdir()
        broker = make_mosquitto(**tls_settings(folder, authority.folder))
        broker.start()
        return broker

    return start


def uri(broker: Mosquitto) -> str:
    return f"mqtts://127.0.0.1:{broker.port}"


class Ear:
    """Subscribed to everything, as far as it may hear it."""

    def __init__(self, broker: Mosquitto, authority: Authority, name: str) -> None:
        self._heard: list[str] = []
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        files = authority.identity(name)
        self._client.tls_set(
            str(files["ca"]), str(files["cert"]), str(files["key"]), tls_version=ssl.PROTOCOL_TLS_CLIENT
        )
        self._client.on_message = lambda _c, _u, message: self._heard.append(message.topic)
        granted: list[Any] = []
        self._client.on_subscribe = lambda *arguments: granted.append(arguments)
        self._client.connect("127.0.0.1", broker.port)
        self._client.subscribe("#", qos=1)
        while not granted:
            self._client.loop(1.0)

    def heard(self, last: str) -> list[str]:
        """Until it has heard ``last``: a broker keeps the order, so what it may not hear was before that."""
        until = time.monotonic() + 20
        while last not in self._heard:
            assert time.monotonic() < until, self._heard
            self._client.loop(0.1)
        return self._heard

    def close(self) -> None:
        self._client.disconnect()


@pytest.mark.parametrize(
    ("who", "topic", "allowed"),
    [
        ("line-1", "edge/v1/line-1/health", True),
        ("line-1", "edge/v1/line-1/slots", True),
        ("line-1", "edge/v1/line-1/drift/cookie", True),
        ("line-1", "edge/v1/line-2/health", False),
        ("line-1", "edge/v1/line-2/cmd", False),
        ("line-1", "edge/v1/line-2/desired", False),
        ("line-1", "edge/v1/@group/ovens/desired", False),
        ("line-1", "edge/v1/@model/abc/0", False),
        ("line-1", "elsewhere", False),
        ("monitor", "edge/v1/line-1/health", False),
        ("monitor", "edge/v1/line-1/cmd", False),
        ("operator", "edge/v1/line-1/cmd", True),
        ("operator", "edge/v1/line-1/desired", True),
        ("operator", "edge/v1/@group/ovens/desired", True),
        ("operator", "edge/v1/@model/abc/0", True),
        ("operator", "edge/v1/line-1/health", False),
    ],
)
def test_each_identity_says_only_what_is_its_own(
    secure: Callable[[Authority], Mosquitto], plant: Authority, who: str, topic: str, allowed: bool
) -> None:
    acknowledgement = published(uri(secure(plant)), topic, plant.identity(who))
    assert acknowledgement.refused is not allowed, acknowledgement


SAID = {
    "line-1": ("line-1/status", "line-1/health", "line-1/slots", "line-1/predictions", "line-1/ack/x"),
    "operator": (
        "line-1/cmd",
        "line-2/cmd",
        "line-1/desired",
        "line-2/desired",
        "@group/ovens/desired",
        "@model/abc/0",
    ),
}


@pytest.mark.parametrize(
    ("who", "speakers", "hears"),
    [
        ("line-2", ("line-1", "operator"), {"line-2/cmd", "line-2/desired", "@group/ovens/desired", "@model/abc/0"}),
        ("operator", ("line-1",), {"line-1/status", "line-1/health", "line-1/slots", "line-1/ack/x"}),
        ("monitor", ("line-1", "operator"), {*SAID["line-1"], *SAID["operator"]}),
    ],
)
def test_each_identity_hears_only_what_it_may(
    secure: Callable[[Authority], Mosquitto], plant: Authority, who: str, speakers: tuple[str, ...], hears: set[str]
) -> None:
    broker = secure(plant)
    with closing(Ear(broker, plant, who)) as ear:
        for speaker in speakers:
            for topic in SAID[speaker]:
                assert not published(uri(broker), f"edge/v1/{topic}", plant.identity(speaker)).refused
        heard = ear.heard(f"edge/v1/{SAID[speakers[-1]][-1]}")
    assert {topic.removeprefix("edge/v1/") for topic in heard} == hears


def test_nobody_comes_in_without_a_certificate(secure: Callable[[Authority], Mosquitto], plant: Authority) -> None:
    broker = secure(plant)
    for options in ({"ca": plant.folder / "ca.pem"}, {"ca": plant.folder / "ca.pem", "user": "monitor"}):
        with closing(open_transport(uri(broker), client_id="x", **options)) as transport, pytest.raises(LinkError):
            transport.connect()
    with closing(open_transport(broker.url, client_id="x")) as transport, pytest.raises(LinkError):
        transport.connect()


def test_a_foreign_authoritys_certificate_is_refused(
    secure: Callable[[Authority], Mosquitto], plant: Authority, tmp_path: Path
) -> None:
    foreign = Authority(tmp_path / "foreign")
    foreign("init")
    foreign("device", "line-1")
    broker = secure(plant)
    assert_refused(broker, foreign.identity("line-1") | {"ca": plant.folder / "ca.pem"})
    # The device does not believe this broker either.
    transport = open_transport(uri(broker), **foreign.identity("line-1"))
    with closing(transport), pytest.raises(LinkError, match="certificate verify failed"):
        transport.connect()


def test_an_expired_certificate_is_refused_and_a_renewed_one_taken(
    secure: Callable[[Authority], Mosquitto], own_plant: Authority
) -> None:
    own_plant.past("line-9")
    broker = secure(own_plant)
    assert_refused(broker, own_plant.identity("line-9"))
    own_plant("renew", "line-9")
    assert not published(uri(broker), "edge/v1/line-9/health", own_plant.identity("line-9")).refused


def test_a_revoked_certificate_is_refused_also_the_one_before_its_renewal(
    secure: Callable[[Authority], Mosquitto], own_plant: Authority, tmp_path: Path
) -> None:
    old = tmp_path / "old.pem"
    shutil.copy(own_plant.identity("line-1")["cert"], old)
    own_plant("renew", "line-1")
    files = own_plant.identity("line-1")
    newer = tmp_path / "newer.pem"
    shutil.copy(files["cert"], newer)
    broker = secure(own_plant)
    for cert in (old, newer):
        assert not published(uri(broker), "edge/v1/line-1/health", files | {"cert": cert}).refused
    own_plant("revoke", "line-1")
    shutil.copy(own_plant.folder / "crl.pem", tmp_path / "etc" / "crl.pem")
    broker.reload()
    until = time.monotonic() + 10
    while connects(broker, files | {"cert": newer}):
        assert time.monotonic() < until, broker.log
    for cert in (old, newer):
        assert_refused(broker, files | {"cert": cert})
    assert not published(uri(broker), "edge/v1/line-2/health", own_plant.identity("line-2")).refused


def test_a_device_cannot_pass_for_the_broker(
    make_mosquitto: Callable[..., Mosquitto], plant: Authority, tmp_path: Path
) -> None:
    settings = tls_settings(tmp_path, plant.folder)
    files = plant.identity("line-2")
    settings |= {"certfile": str(files["cert"]), "keyfile": str(files["key"])}
    broker = make_mosquitto(**settings)
    broker.start()
    transport = open_transport(uri(broker), **plant.identity("line-1"))
    with closing(transport), pytest.raises(LinkError, match="certificate verify failed"):
        transport.connect()


def test_a_device_cannot_throw_another_one_out_by_taking_its_client_id(
    secure: Callable[[Authority], Mosquitto], plant: Authority
) -> None:
    broker = secure(plant)
    with closing(open_transport(uri(broker), client_id="edge-line-1", **plant.identity("line-1"))) as victim:
        victim.connect()
        with closing(open_transport(uri(broker), client_id="edge-line-1", **plant.identity("line-2"))) as rival:
            rival.connect()
            victim.poll(0.5)
            assert "already connected" not in broker.log


def test_a_daemon_delivers_to_a_monitor_over_tls_and_notices_what_it_may_not_say(
    secure: Callable[[Authority], Mosquitto],
    plant: Authority,
    write_config: Callable[..., Path],
    start: Callable[..., Daemon],
    tmp_path: Path,
) -> None:
    broker = secure(plant)
    store = tmp_path / "monitor.db"
    words = ["monitor", "--broker", uri(broker), "--store", str(store), "--json"]
    words += [word for name, path in plant.identity("monitor").items() for word in (f"--{name}", str(path))]
    with subprocess.Popen([*EDGE, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ears:
        try:
            daemon = start(config_of(write_config, broker, plant, "line-1"))
            assert len(delivered(store, 30)) == 30
            assert daemon.report()["pending"] == 0
            # The device says that it is line-1, its certificate that it is line-2.
            impostor = start(config_of(write_config, broker, plant, "line-2", state="impostor"))
            impostor.wait_for("refused by the broker: Not authorized")
            wait_until(lambda: judged(tmp_path / "impostor"))
            impostor.process.terminate()
            assert impostor.report()["pending"] > 0
        finally:
            ears.terminate()
    with closing(Store(store)) as opened:
        assert len({boot for boot, _ in opened.records("line-1")}) == 1


def config_of(
    write_config: Callable[..., Path], broker: Mosquitto, plant: Authority, name: str, state: str = "state"
) -> Path:
    files = "".join(f"{key} = {json.dumps(str(path))}\n" for key, path in plant.identity(name).items())
    return write_config(broker=uri(broker), extra=files, state=state)


def connects(broker: Mosquitto, identity: dict[str, Any]) -> bool:
    with closing(open_transport(uri(broker), **identity)) as transport:
        try:
            transport.connect()
        except LinkError:
            return False
        return True


def assert_refused(broker: Mosquitto, identity: dict[str, Any]) -> None:
    """By the TLS handshake: Mosquitto says that the certificate is no good, OpenSSL's words for why it leaves out."""
    before = broker.log.count("verify failed")
    assert not connects(broker, identity)
    until = time.monotonic() + 10  # the broker writes it after the client has gone
    while broker.log.count("verify failed") <= before:
        assert time.monotonic() < until, broker.log
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _no_stray_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    yield
