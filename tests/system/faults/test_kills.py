"""kill -9 at random moments under load, while the broker comes and goes: the monitor ends with all of it, once."""

from __future__ import annotations

import random
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
from tests.system.faults.load import DEVICE, Device, Load

pytestmark = pytest.mark.system

RUNS, KILLS = 4, 25


@pytest.mark.parametrize("run", range(RUNS))
def test_the_monitor_ends_with_every_committed_record_exactly_once(
    make_mosquitto: Callable[..., Any], tmp_path: Path, run: int
) -> None:
    broker, chance, path = make_mosquitto(), random.Random(run), tmp_path / "buffer.db"
    broker.start()
    with (
        closing(Store(tmp_path / "monitor.db")) as store,
        closing(Subscriber(Broker.parse(broker.url), store, Backoff(0.02, 0.2))) as ear,
    ):
        ear.connect()
        for _ in range(KILLS):
            if broker.running and chance.random() < 0.3:
                broker.stop()
            elif not broker.running and chance.random() < 0.7:
                broker.start()
            device = Device(Load(path, chance.choice([0.02, 0.1]), pause_s=0.004, broker=broker.url))
            device.wait_for_commit()
            until = time.monotonic() + chance.uniform(0.0, 0.3)
            while time.monotonic() < until:
                ear.poll(0.01)
            device.kill()
        if not broker.running:
            broker.start()
        kept = deliver_the_rest(path, broker.url, ear)
        until = time.monotonic() + 20
        while store.count("predictions", DEVICE) < len(kept) and time.monotonic() < until:
            ear.poll(0.1)
        ear.poll(0.5)  # what comes twice would come now
        found = [(boot_id, record.seq) for boot_id, record in store.records(DEVICE)]
        assert sorted(found) == sorted(set(kept))
        assert len(kept) == len(set(kept)) > 1000
        assert store.count("predictions", DEVICE) == len(kept)
        assert store.set_aside() == {}


def deliver_the_rest(path: Path, url: str, ear: Subscriber) -> list[tuple[str, int]]:
    """The last start: until nothing waits any more. All records in the buffer."""
    with closing(Buffer(path, model="m", commit_s=0.05)) as buffer:
        assert buffer.set_aside is None
        kept = [(boot_id, record.seq) for boot_id, record in buffer.records()]
        identity = Identity(DEVICE, "", "", buffer.boot_id, "m", 1, ("a", "b"))
        transport = open_transport(url, client_id=DEVICE)
        sync = Sync(transport, buffer, identity, predictions=True, backoff=Backoff(0.02, 0.1))
        sync.start()
        until = time.monotonic() + 30
        while buffer.state().pending:
            assert time.monotonic() < until, (buffer.state(), sync.state)
            ear.poll(0.02)
            buffer.tick()
        sync.stop()
    return kept
