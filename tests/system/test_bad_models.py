"""Bad models against a running daemon: each is refused or rolled back by itself, the line goes on, and the reason is
in the history and reaches MQTT.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.mosquitto.local import Mosquitto
from edge.cli.main import main
from edge.device.slots import FOLDER, SlotEvent, Slots
from edge.device.slots.install import install
from edge.protocol.messages import SlotsMessage as Message
from edge.protocol.messages import TrialOutcome, decode
from edge.trust import Trust
from edge.trust.keys import PrivateKey
from tests.support.bad_artifacts import NOW, Bad, Bakery, damaged, third_party, untrusted, wrong
from tests.support.daemon import Daemon, wait_until
from tests.support.supervisor import Supervised, decisions

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

SETTINGS = """
[device]
id = "line-1"
[source]
uri = "sim://line?fps=30"
deadline_ms = 60000
[model]
path = "{factory}"
{model}
{decide}
[buffer]
commit_s = 0.05
[sync]
broker = "{broker}"
[slots]
shadow = {shadow}
trial_frames = {frames}
attempts = 2
max_latency_ratio = {latency}
"""
"""Patient: how fast this machine is, is asked only where a test says so."""


class Monitor:
    """Hears every ``slots`` message of the device."""

    def __init__(self, url: str) -> None:
        self.messages: list[Message] = []
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("edge/v1/line-1/slots", qos=1)
        self._client.on_message = lambda *args: self._keep(args[-1].payload)
        address = urlsplit(url)
        self._client.connect(address.hostname or "", address.port or 0)
        self._client.loop_start()

    def _keep(self, payload: bytes) -> None:
        message = decode("slots", payload)
        assert isinstance(message, Message)
        self.messages.append(message)

    def outcomes(self) -> list[TrialOutcome]:
        return [message.outcome for message in self.messages if message.outcome is not None]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Device:
    """The daemon, the engineer's commands on it, and what a monitor hears."""

    def __init__(self, config: Path, state: Path, monitor: Monitor) -> None:
        self.config, self.state, self.monitor = config, state, monitor
        self.slots = Slots(state / FOLDER)
        self.daemon = Supervised(config)
        self.daemon.wait(lambda: self.boots() and monitor.messages)

    def install(self, path: Path) -> int:
        """The exit status of ``edge slots install --wait``."""
        return main(["slots", "install", str(path), "-c", str(self.config), "--wait", "--json"])

    def told(self, event: SlotEvent) -> TrialOutcome:
        """What a monitor heard of this event."""

        def heard() -> list[TrialOutcome]:
            return [one for one in self.monitor.outcomes() if one.wall_ns == event.wall_ns or _same(one, event)]

        self.daemon.wait(heard)
        return heard()[-1]

    def boots(self) -> list[str]:
        with suppress(Exception):
            return list(dict.fromkeys(boot for boot, *_ in decisions(self.state)))
        return []


def _same(outcome: TrialOutcome, event: SlotEvent) -> bool:
    return (outcome.sha256, outcome.result, outcome.reason) == (event.sha256, event.event, event.reason)


@pytest.fixture
def device(tmp_path: Path, mosquitto: Mosquitto, signing_key: PrivateKey) -> Iterator[Callable[..., Device]]:
    """``device(factory, shadow=20)``: a running daemon with this model, that trusts the session's key."""
    made: list[Device] = []

    def make(
        factory: Path, shadow: int = 20, frames: int = 40, reject: str = "", model: str = "", latency: float = 1000.0
    ) -> Device:
        config, state = tmp_path / "edge.toml", tmp_path / "state"
        decide = f'[decide]\nreject = ["{reject}"]' if reject else ""
        config.write_text(
            SETTINGS.format(
                factory=factory,
                broker=mosquitto.url,
                shadow=shadow,
                frames=frames,
                decide=decide,
                model=model,
                latency=latency,
            ),
            "utf-8",
        )
        Trust(state / "trust").add(signing_key.public, "works")
        made.append(Device(config, state, Monitor(mosquitto.url)))
        return made[-1]

    yield make
    for one in made:
        one.daemon.close()
        one.monitor.close()


def objections(device: Device, folder: Path, bad: Bad, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What went otherwise than it should."""
    before = len(device.slots.history())
    path = folder / f"{time.monotonic_ns()}.tflite"
    path.write_bytes(bad.data)
    status = device.install(path)
    said = capsys.readouterr()
    events = device.slots.history()[before:]
    last = events[-1] if events else None
    if status != 4 or last is None or last.event not in ("refused", "rolled back"):
        return [f"{bad.name}: status {status}, {last}, {said.err}"]
    told = device.told(last)
    found: list[str] = []
    if not last.reason or not _matches(bad.said, last.reason) or _matches(r"\b[A-Z]\w+Error\b", last.reason):
        found.append(f"{bad.name}: expected {bad.said!r}, the history says {last.reason!r}")
    if (told.result, told.reason) != (last.event, last.reason):
        found.append(f"{bad.name}: the monitor heard {told}")
    if last.reason not in said.err or len(said.err.strip().splitlines()) > 3:
        found.append(f"{bad.name}: the engineer was told {said.err!r}")
    if device.slots.state().active != "A":
        found.append(f"{bad.name}: slot {device.slots.state().active!r} is active now")
    return found


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


@pytest.mark.thirdparty
def test_thirty_bad_models_are_refused_or_rolled_back_and_the_line_judges_on(
    device: Callable[..., Device],
    tmp_path: Path,
    shared_data: Path,
    signing_key: PrivateKey,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bakery = Bakery(signing_key)
    factory, now = tmp_path / "factory.tflite", tmp_path / "now.tflite"
    factory.write_bytes(bakery.make(version=NOW - 2))
    now.write_bytes(bakery.make(version=NOW))
    running = device(factory, reject="bad")
    assert running.install(now) == 0, capsys.readouterr().err
    cases = [
        *untrusted(bakery),
        *damaged(bakery),
        *wrong(bakery),
        *third_party(bakery, shared_data / "tflite_bad"),
    ]
    assert len(cases) >= 30
    found = [line for bad in cases for line in objections(running, tmp_path, bad, capsys)]
    assert found == []
    assert len(running.boots()) == 1, "no bad model has brought the daemon down"
    judged = decisions(running.state)
    assert {version for _, _, version, _ in judged} <= {NOW - 2, NOW, NOW + 1}
    assert judged[-1][2] == NOW
    assert [record.seq for _, _, _, record in judged] == list(range(len(judged)))


@pytest.mark.parametrize(
    ("name", "said", "boots"),
    [
        ("refuses", r"the runtime refused \d+ frames?", 1),
        ("slow", "too slow: ", 1),
        ("ends", "crash loop: ", 3),
        ("stalls", r"hangs: no decision for [\d.]+ s", 1),
    ],
)
def test_a_model_that_goes_wrong_after_fifty_parts_on_the_line_is_rolled_back(
    device: Callable[..., Device],
    faulty: Callable[..., Path],
    fault_settings: str,
    capsys: pytest.CaptureFixture[str],
    name: str,
    said: str,
    boots: int,
) -> None:
    """The rehearsal is too short to find it out. What kills the daemon does so as often as attempts are granted."""
    running = device(
        faulty("plain"), shadow=5, frames=1000, model=fault_settings, latency=10.0 if name == "slow" else 1000.0
    )
    assert running.install(faulty(name, version=2)) == 4
    assert said.split(":")[0].replace(r" \d+ frames?", "") in capsys.readouterr().err
    last = running.slots.history()[-1]
    assert last.event == "rolled back"
    assert _matches(said, last.reason)
    assert running.told(last).reason == last.reason
    count = len(decisions(running.state))
    running.daemon.wait(lambda: len(decisions(running.state)) > count + 10 and decisions(running.state)[-1][2] == 1)
    assert len(running.boots()) == boots
    versions = [version for _, _, version, _ in decisions(running.state)]
    assert name == "slow" or 30 <= versions.count(2) <= 60 * boots


def test_a_model_that_crashes_only_after_its_commit_is_left_for_the_one_before(
    device: Callable[..., Device], faulty: Callable[..., Path], fault_settings: str
) -> None:
    """It is committed after 20 parts, and brings the daemon down after some 50: three times."""
    running = device(faulty("plain"), shadow=5, frames=20, model=fault_settings)
    assert running.install(faulty("ends", version=2)) == 0
    running.daemon.wait(lambda: running.slots.history()[-1].event == "rolled back")
    last = running.slots.history()[-1]
    assert last.reason == "crash loop: it was committed, and brought the daemon down 3 times in a row"
    assert running.told(last).reason == last.reason
    running.daemon.wait(lambda: decisions(running.state)[-1][2] == 1)
    boots = running.boots()
    assert len(boots) == 4
    judged = decisions(running.state)
    assert [min(version for boot, _, version, _ in judged if boot == one) for one in boots[1:]] == [2, 2, 1]


def test_a_line_goes_on_and_ends_in_order_with_a_hanging_thread_left_behind(
    start: Callable[..., Daemon],
    faulty: Callable[..., Path],
    fault_settings: str,
    tmp_path: Path,
    signing_key: PrivateKey,
) -> None:
    """A second model that hangs is one too many: the daemon ends, for its supervisor to start it again."""
    config, slots = tmp_path / "edge.toml", Slots(tmp_path / "state" / FOLDER)
    trust = Trust(tmp_path / "state" / "trust")
    trust.add(signing_key.public, "works")
    factory = faulty("plain")
    settings = SETTINGS.format(
        factory=factory, broker="", shadow=5, frames=1000, decide="", model=fault_settings, latency=1000.0
    )
    config.write_text(settings, "utf-8")
    daemon = start(config)
    install(slots, trust, faulty("stalls", version=2))
    daemon.wait_for("left behind", 60)
    daemon.process.send_signal(signal.SIGTERM)
    report = daemon.report()
    assert report["dropped"].pop("failed") == 1
    assert report["captured"] == report["decided"] + sum(report["dropped"].values()) + 1

    daemon = start(config)
    for version in (3, 4):
        install(slots, trust, faulty("stalls", version=version))
        if version == 3:
            daemon.wait_for("left behind", 60)
            # The line goes on first; the disk takes note of it then.
            wait_until(lambda: slots.state().trial == "")
    assert daemon.process.wait(60) == 4
    assert slots.state().trial == ""
    assert [event.event for event in slots.history()][-1] == "rolled back"
