"""Roll-outs over a real Mosquitto: to real daemons, and to many light devices; stopped, resumed, cut off, refused."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.device.slots import Slots
from edge.fleet.rollout import Desired
from edge.trust import Trust
from edge.trust.keys import PrivateKey
from tests.support.daemon import EDGE, Daemon, wait_until
from tests.support.headless_device import LightDevice
from tests.support.rollouts import Flashed, flash, left_over, retained
from tests.support.tcp_proxy import CuttingProxy

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PADDING = "padding.bin"
DAEMON = """
[device]
id = "{name}"
groups = ["ovens"]
[source]
uri = "sim://line?width=64&height=48&fps=20"
deadline_ms = 20000
[model]
path = "../factory.tflite"
[sync]
broker = "{broker}"
[slots]
desired = true
shadow = 10
trial_frames = 30
max_latency_ratio = 1000.0
"""
"""Patient: how fast this machine is, is not the question here."""


@pytest.fixture
def new_model(tmp_path: Path, make_signed: Callable[..., bytes]) -> Callable[..., Path]:
    """``new_model(2, size=5_000_000)``: version 2 of the model, signed, in a file that is at least so large."""

    def make(version: int, size: int = 0, **more: object) -> Path:
        path = tmp_path / f"colour-{version}.tflite"
        path.write_bytes(make_signed(version=version, **more) if not size else _padded(make_signed, version, size))
        return path

    return make


def _padded(make_signed: Callable[..., bytes], version: int, size: int) -> bytes:
    padding = random.Random(version).randbytes(size)
    return make_signed(files={PADDING: padding}, version=version)


@pytest.fixture
def light(tmp_path: Path, signing_key: PrivateKey) -> Iterator[Callable[..., LightDevice]]:
    """``light("cell-1", url, verdict=…)``: a light device, started; it trusts the session's key."""
    devices: list[LightDevice] = []

    def make(name: str, broker: str, *, key: bytes | None = signing_key.public, **more: Any) -> LightDevice:
        devices.append(LightDevice(tmp_path / "devices" / name, broker, key, **more).start())
        return devices[-1]

    yield make
    for device in devices:
        device.stop()


def test_three_daemons_get_a_new_model_one_after_the_other(
    tmp_path: Path,
    mosquitto: Any,
    start: Callable[..., Daemon],
    new_model: Callable[..., Path],
    make_signed: Callable[..., bytes],
    signing_key: PrivateKey,
) -> None:
    (tmp_path / "factory.tflite").write_bytes(make_signed(version=1))
    daemons = []
    for number in range(1, 4):
        folder = tmp_path / f"line-{number}"
        folder.mkdir()
        config = folder / "edge.toml"
        config.write_text(DAEMON.format(name=folder.name, broker=mosquitto.url), "utf-8")
        Trust(folder / "state" / "trust").add(signing_key.public)
        daemons.append(start(config))
    for daemon in daemons:
        daemon.wait_for("connected to", 60)
    model = new_model(2, size=600_000)
    done = flash(model, mosquitto.url, "--group", "ovens", "--timeout", 250)
    assert done.status == 0, done.err
    assert done.endings() == {f"line-{number}": "committed" for number in range(1, 4)}
    assert all(result["after"]["version"] == 2 for result in done.results.values())
    assert "stage 3 of 3" not in done.err  # 1 of 3, then 10 % adds none, then all
    assert "stage 2 of 2: 2 of 2 committed" in done.err
    for number in range(1, 4):
        state = Slots(tmp_path / f"line-{number}" / "state" / "slots").state()
        assert state.held[state.active].source == "roll-out over MQTT"
        assert Trust(tmp_path / f"line-{number}" / "state" / "trust").ratchet("colour") == 2
        assert state.outcome is not None
        assert state.outcome.request
    assert left_over(mosquitto.url) == []
    again = flash(model, mosquitto.url, "--group", "ovens")
    assert (again.status, set(again.endings().values())) == (0, {"unchanged"})


def test_a_roll_out_stops_by_itself_when_a_trial_fails(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    devices = {
        name: light(name, mosquitto.url, verdict=lambda version, bad=name == "cell-02": "too slow" if bad else "")
        for name in (f"cell-{number:02d}" for number in range(30))
    }
    done = flash(new_model(2), mosquitto.url, "--all", "--stages", "1,10%,100%", "--timeout", 60)
    assert done.status == 11
    endings = done.endings()
    assert (endings["cell-00"], endings["cell-02"]) == ("committed", "rolled back")
    assert endings["cell-01"] in ("committed", "stopped")  # of the same stage: it had begun its trial, or not
    assert {endings[f"cell-{number:02d}"] for number in range(3, 30)} == {"stopped"}
    assert done.results["cell-02"]["reason"] == "too slow"
    assert done.results["cell-09"]["reason"] == "not its turn: the roll-out stopped after 1 failures"
    assert devices["cell-01"].version == (2 if endings["cell-01"] == "committed" else 0)
    assert [device.version for device in devices.values()][2:] == [0] * 28
    assert left_over(mosquitto.url) == []


def test_as_many_failures_as_are_allowed_do_not_stop_it(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    for number in range(12):
        light(f"cell-{number:02d}", mosquitto.url, verdict=lambda version, bad=number in (0, 5): "no" if bad else "")
    done = flash(new_model(2), mosquitto.url, "--all", "--max-failures", 2, "--timeout", 60)
    assert done.status == 11
    assert sorted(done.endings().values()) == ["committed"] * 10 + ["rolled back"] * 2


def test_what_a_device_does_not_trust_is_refused_with_the_reason(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path], signing_key: PrivateKey
) -> None:
    stranger = PrivateKey.new()
    light("cell-1", mosquitto.url)
    done = flash(new_model(2, key=stranger), mosquitto.url, "--devices", "cell-1", "--timeout", 60)
    assert done.status == 11
    assert done.results["cell-1"]["result"] == "refused"
    assert f"unknown key {stranger.id}; this device trusts {signing_key.id}" in done.results["cell-1"]["reason"]


def test_only_those_that_were_named_are_meant(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    devices = [light(f"cell-{number}", mosquitto.url, groups=("ovens",) if number else ()) for number in range(4)]
    light("closed", mosquitto.url, groups=("ovens",), desired=False)
    model = new_model(2)
    wait_until(lambda: sum(topic.endswith("/status") for topic in retained(mosquitto.url)) == 5)
    done = flash(model, mosquitto.url, "--devices", "cell-1,cell-9")
    assert done.endings() == {"cell-1": "committed", "cell-9": "failed"}
    assert "the broker has no status of it" in done.results["cell-9"]["reason"]
    done = flash(model, mosquitto.url, "--group", "ovens")
    assert done.endings() == {
        "cell-1": "unchanged",
        "cell-2": "committed",
        "cell-3": "committed",
        "closed": "failed",
    }
    assert "set slots.desired = true" in done.results["closed"]["reason"]
    assert [device.version for device in devices] == [0, 2, 2, 2]


def test_who_is_away_gets_it_when_it_is_back(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    near, far = light("near", mosquitto.url), light("far", mosquitto.url)
    wait_until(lambda: sum(topic.endswith("/status") for topic in retained(mosquitto.url)) == 2)
    far.stop()
    model = new_model(2)
    done = flash(model, mosquitto.url, "--all", "--timeout", 5)
    assert (done.status, done.endings()) == (11, {"near": "committed", "far": "failed"})
    assert done.results["far"]["reason"] == "offline; the model waits for it at the broker"
    assert near.version == 2
    far.start()
    wait_until(lambda: far.version == 2)
    done = flash(model, mosquitto.url, "--all", "--timeout", 20)
    assert (done.status, set(done.endings().values())) == (0, {"unchanged"})


def test_a_second_run_goes_on_where_a_killed_one_was(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    devices = [light(f"cell-{number}", mosquitto.url, trial_s=1.0) for number in range(6)]
    model = new_model(2, size=2_000_000)
    words = [*EDGE, "flash", str(model), mosquitto.url, "--all", "--stages", "2,100%", "--timeout", "60"]
    first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: any(device.slots.state().trial for device in devices))
    first.send_signal(signal.SIGKILL)
    first.wait()
    held = retained(mosquitto.url)
    assert sum("@model" in topic for topic in held) > 8
    begun = [device.slots.history()[-1].request for device in devices if device.slots.history()]
    done = flash(model, mosquitto.url, "--all", "--stages", "2,100%", "--timeout", 60)
    assert done.status == 0, done.err
    assert {device.version for device in devices} == {2}
    for device in devices:  # nobody was asked twice
        requests = {event.request for event in device.slots.history() if event.request}
        assert len(requests) == 1
    assert {request for request in begun if request} <= {
        event.request for device in devices for event in device.slots.history()
    }
    wait_until(lambda: left_over(mosquitto.url) == [])


def test_after_ctrl_c_every_device_is_told_of(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    devices = [light(f"cell-{number}", mosquitto.url, trial_s=10.0) for number in range(4)]
    words = [*EDGE, "flash", str(new_model(2)), mosquitto.url, "--all", "--stages", "2,100%", "--json"]
    run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: any(device.slots.state().trial for device in devices))
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    results = {found["device"]: found for found in map(json.loads, out.splitlines())}
    assert {result["result"] for result in results.values()} == {"stopped"}
    reasons = [results[device.name]["reason"] for device in devices]
    assert "interrupted; its trial goes on, it decides by itself" in reasons[:2]
    assert set(reasons[2:]) == {"interrupted before it was its turn"}
    assert left_over(mosquitto.url) == []


def test_a_cable_that_breaks_costs_no_byte_twice(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    """The device is behind a proxy that cuts its connection half-way through the artifact."""
    size = 6_000_000
    model = new_model(2, size=size)
    proxy = CuttingProxy(mosquitto.port, size // 2, back=True)
    device = light("cell-1", f"mqtt://127.0.0.1:{proxy.port}")
    done = flash(model, mosquitto.url, "--devices", "cell-1", "--timeout", 120)
    assert (done.status, device.version) == (0, 2), done.err
    assert proxy.cuts == 1
    # What was under way when the cable broke is sent again: the window of chunks at most.
    assert size < proxy.carried < size + 9 * (256 << 10)
    proxy.close()


def test_a_broker_that_restarts_meanwhile_is_found_again(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path]
) -> None:
    devices = [light(f"cell-{number}", mosquitto.url, trial_s=1.5) for number in range(3)]
    wait_until(lambda: sum(topic.endswith("/status") for topic in retained(mosquitto.url)) == 3)
    done: list[Flashed] = []
    model = new_model(2)
    run = threading.Thread(target=lambda: done.append(flash(model, mosquitto.url, "--all", "--timeout", 90)))
    run.start()
    wait_until(lambda: any(device.slots.state().trial for device in devices))
    mosquitto.stop()
    time.sleep(0.5)
    mosquitto.start()
    run.join()
    assert done[0].status == 0, done[0].err
    assert {device.version for device in devices} == {2}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that gives away this test's folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_devices_can_fetch_it_from_a_web_server(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path], files: str
) -> None:
    devices = [light(f"cell-{number}", mosquitto.url) for number in range(3)]
    model = new_model(2, size=500_000)
    done = flash(model, mosquitto.url, "--all", "--url", f"{files}/{model.name}", "--timeout", 60)
    assert (done.status, {device.version for device in devices}) == (0, {2}), done.err
    other = new_model(3)
    wrong = flash(other, mosquitto.url, "--devices", "cell-0", "--url", f"{files}/{model.name}", "--timeout", 60)
    assert wrong.results["cell-0"]["result"] == "refused"
    assert f"expected {other.stat().st_size}" in wrong.results["cell-0"]["reason"]
    assert left_over(mosquitto.url) == []


def test_what_is_desired_of_a_group_reaches_who_comes_later(
    mosquitto: Any, light: Callable[..., LightDevice], new_model: Callable[..., Path], files: str
) -> None:
    model = new_model(2)
    data = model.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    desired = Desired("for-good", "colour", 2, digest, len(data), url=f"{files}/{model.name}")
    _say(mosquitto.url, "anybody", {"edge/v1/@group/ovens/desired": desired.to_json()})
    member, stranger = light("cell-1", mosquitto.url, groups=("ovens",)), light("cell-2", mosquitto.url)
    wait_until(lambda: member.version == 2)
    assert stranger.version == 0


def test_each_device_is_held_to_what_is_desired_on_it(
    make_mosquitto: Callable[..., Any],
    tmp_path: Path,
    light: Callable[..., LightDevice],
    new_model: Callable[..., Path],
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(ACL, "utf-8")
    broker = make_mosquitto(acl_file=str(acl))
    broker.start()
    devices = [light(f"cell-{number}", broker.url, user=f"cell-{number}") for number in range(2)]
    model = new_model(2, size=300_000)
    quick = ["--timeout", 20, "--user", "operator"]
    done = flash(model, broker.url, "--all", *quick)
    assert (done.status, {device.version for device in devices}) == (0, {2}), done.err
    denied = flash(new_model(3), broker.url, "--devices", "cell-0", "--timeout", 20, "--user", "monitor")
    assert denied.status == 11
    assert "refused" in denied.results["cell-0"]["reason"]
    assert "ACL" in denied.results["cell-0"]["reason"]
    _say(broker.url, "operator", {f"edge/v1/cell-{number}/desired": b'{"secret": 1}' for number in range(2)})
    _say(broker.url, "cell-1", {"edge/v1/cell-0/desired": b"written by another device"})
    seen = retained(broker.url, user="cell-1")
    assert seen["edge/v1/cell-1/desired"] == b'{"secret": 1}'
    assert "edge/v1/cell-0/desired" not in seen
    assert retained(broker.url, user="operator")["edge/v1/cell-0/desired"] == b'{"secret": 1}'


ACL = """
pattern write edge/v1/%u/#
pattern read edge/v1/%u/cmd
pattern read edge/v1/%u/desired
pattern read edge/v1/@group/+/desired
pattern read edge/v1/@model/#
user monitor
topic read edge/v1/#
user operator
topic readwrite edge/v1/+/desired
topic readwrite edge/v1/@model/#
topic read edge/v1/+/status
topic read edge/v1/+/slots
"""


def _say(broker: str, user: str, messages: dict[str, bytes]) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(user)
    client.connect("127.0.0.1", int(broker.rsplit(":", 1)[1]))
    client.loop_start()
    for topic, payload in messages.items():
        client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
