"""A simulated fleet, a real broker and a monitor: everything that was sent is stored."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from deploy.mosquitto.local import Mosquitto
from edge.monitor import Store, Subscriber
from edge.protocol.broker import Broker
from tests.support.daemon import EDGE

pytestmark = pytest.mark.system

DEVICES, WINDOWS = 30, 4


def test_what_a_fleet_sends_is_stored(mosquitto: Mosquitto, tmp_path: Path):
    words = ["--devices", str(DEVICES), "--interval", "2", "--duration", "9.99", "--pool", "5", "--samples", "60"]
    words += ["--broker", mosquitto.url, "--hostile", "repeated=0.05", "--hostile", "late=0.05", "--json"]
    with (
        closing(Store(tmp_path / "monitor.db")) as store,
        closing(Subscriber(Broker.parse(mosquitto.url), store)) as subscriber,
    ):
        subscriber.connect()
        fleet = subprocess.Popen([*EDGE, "simulate", *words], stdout=subprocess.PIPE, text=True)
        until = time.monotonic() + 120
        while (fleet.poll() is None or stored(store) < DEVICES * WINDOWS) and time.monotonic() < until:
            subscriber.poll(0.1)
        counts = json.loads(fleet.communicate(timeout=1)[0])
        assert counts["sent"] == counts["acknowledged"] > 3 * DEVICES * WINDOWS
        assert counts["refused"] == counts["unheard"] == 0
        for kind in ("drift", "stats"):
            assert [store.count(kind, f"d{number:05d}") for number in range(DEVICES)] == [WINDOWS] * DEVICES
        assert store.set_aside() == {}


def stored(store: Store) -> int:
    return sum(store.count("stats", f"d{number:05d}") for number in range(DEVICES))
