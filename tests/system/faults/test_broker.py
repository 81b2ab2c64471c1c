"""Faults between a device and its broker that tests/system/test_sync.py does not have: certificates, networks, and
very many reconnections.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.core.backoff import Backoff
from edge.device.buffer import Buffer
from edge.device.sync import Sync, open_transport
from edge.monitor import Store, Subscriber
from edge.protocol.broker import Broker
from edge.protocol.messages import Identity
from edge.protocol.record import Record
from tests.support.native import compile_library

pytestmark = pytest.mark.system

DEVICE = "line-1"
RECONNECTIONS = 200


def test_two_hundred_reconnections_in_a_row_lose_and_leak_nothing(
    make_mosquitto: Callable[..., Any], tmp_path: Path
) -> None:
    broker = make_mosquitto()
    broker.start()
    identity = Identity(DEVICE, "", "", "b", "m", 1, ("a",))
    with (
        closing(Store(tmp_path / "monitor.db")) as store,
        closing(Subscriber(Broker.parse(broker.url), store, Backoff(0.01, 0.05))) as ear,
        closing(Buffer(tmp_path / "buffer.db", model="m", commit_s=0.02)) as buffer,
    ):
        ear.connect()
        transport = open_transport(broker.url, client_id=DEVICE)
        sync = Sync(transport, buffer, identity, predictions=True, backoff=Backoff(0.001, 0.01))
        sync.start()
        files, seq = [], 0
        for connection in range(RECONNECTIONS):
            until = time.monotonic() + 10
            while sync.state.connections <= connection:
                assert time.monotonic() < until, sync.state
                time.sleep(0.002)
            for _ in range(10):
                buffer.append(Record(seq, seq, seq, 1, 0.5, 0, 0))
                seq += 1
            buffer.commit()
            ear.poll(0.005)
            files.append(len(list(Path("/proc/self/fd").iterdir())))
            # A second client of the same name: the broker throws the first one out.
            rival = open_transport(broker.url, client_id=DEVICE)
            rival.connect()
            rival.close(clean=False)
        until = time.monotonic() + 30
        while buffer.state().pending or store.count("predictions", DEVICE) < seq:
            assert time.monotonic() < until, (buffer.state(), sync.state)
            ear.poll(0.02)
            buffer.tick()
        sync.stop()
        assert [record.seq for _, record in store.records(DEVICE)] == list(range(seq))
        assert max(files) <= files[5] + 8


@pytest.fixture
def certificate(openssl: str, tmp_path: Path) -> Callable[[str, int], Path]:
    """``certificate("server", -30)``: self-signed for 127.0.0.1, valid for one day, made so many days ago."""

    def make(name: str, days: int) -> Path:
        offset = tmp_path / f"{name}.offset"
        offset.write_text(str(days * 86_400))
        library = compile_library(Path(__file__).with_name("fake_clock.c"), tmp_path)
        command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", "1", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-out", str(tmp_path / f"{name}.pem"), "-keyout", str(tmp_path / f"{name}.key")]
        environment = os.environ | {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET": str(offset)}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return tmp_path / f"{name}.pem"

    return make


@pytest.mark.parametrize("expired", ["server", "device"])
def test_an_expired_certificate_keeps_everything_until_a_new_one_is_there(
    make_mosquitto: Callable[..., Any],
    certificate: Callable[[str, int], Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    expired: str,
) -> None:
    server, device = (certificate(name, -30 if name == expired else 0) for name in ("server", "device"))
    key = str(server.with_suffix(".key"))
    broker = make_mosquitto(
        cafile=str(device), certfile=str(server), keyfile=key, require_certificate="true", allow_anonymous="true"
    )
    broker.start()
    uri = broker.url.replace("mqtt:", "mqtts:")
    options: dict[str, Any] = {"ca": server, "cert": device, "key": device.with_suffix(".key")}
    with closing(Buffer(tmp_path / "buffer.db", model="m", commit_s=0.02)) as buffer:
        identity = Identity(DEVICE, "", "", buffer.boot_id, "m", 1, ("a",))
        sync = Sync(open_transport(uri, **options), buffer, identity, predictions=True, backoff=Backoff(0.01, 0.05))
        sync.start()
        buffer.append(Record(0, 0, 0, 1, 0.5, 0, 0))
        buffer.put("drift", 0, b"{}")
        buffer.commit()
        until = time.monotonic() + 10
        while "expired" not in sync.state.last_error and "lost" not in sync.state.last_error:
            assert time.monotonic() < until, sync.state
            time.sleep(0.02)
        time.sleep(0.5)
        assert (buffer.state().pending, sync.state.acknowledged) == (2, 0)
        said = [record.getMessage() for record in caplog.records if "trying again" in record.getMessage()]
        assert 1 <= len(said) == len(set(said)) <= 2
        assert "expired" in " ".join(said) or expired == "device"
        certificate(expired, 0)
        broker.stop()
        broker.start()
        ear = Subscriber(Broker.parse(uri, **options), Store(None))
        while buffer.state().pending and time.monotonic() < until + 10:
            ear.poll(0.05)
            buffer.tick()
        sync.stop()
        ear.close()
        assert buffer.state().pending == 0


@pytest.mark.parametrize(("loss", "delay_s"), [(0.0, 0.1), (0.05, 0.02)])
def test_lost_and_late_packets_cost_time_and_nothing_else(loss: float, delay_s: float) -> None:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    program = [sys.executable, "-m", "tests.support.lossy_network", "near", str(loss), str(delay_s)]
    command = ["unshare", *as_root, "--net", *program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode and ("unshare" in done.stderr or "/dev/net/tun" in done.stderr):
        reason = f"no network of one's own here: {done.stderr.strip().splitlines()[-1]}"
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(f"{reason}; nothing is skipped under CI")
        pytest.skip(reason)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["complete"], (result, done.stderr)
    assert result["device"] == 0
    assert (result["lost"] > 0) == (loss > 0)
