"""Sync and the monitor with a real Mosquitto between them, and its faults."""

from __future__ import annotations

import json
import logging
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.core.backoff import Backoff
from edge.device.sync import MemoryOutbox, Outgoing, Sync, open_transport
from edge.errors import StateError
from edge.monitor import Arrival, Store, Subscriber, overview
from edge.protocol.broker import Broker
from edge.protocol.messages import (
    BufferDepth,
    Drift,
    DriftColumn,
    Health,
    Identity,
    Latency,
    Message,
    Stats,
    StatusMessage,
    Window,
    encode,
)
from edge.protocol.record import Record, pack

pytestmark = pytest.mark.system

DEVICE = "oven-3"
IDENTITY = Identity(DEVICE, "Köln", "2", "boot-1", "cookie", 4, ("good", "broken"))
ROWS, ROW = 100, 50
"""5,000 records, 50 to a row of the buffer."""


class Monitor:
    """A subscriber and its store, run by the test."""

    def __init__(self, url: str, path: Path | None = None) -> None:
        self.store = Store(path)
        self.subscriber = Subscriber(Broker.parse(url), self.store)
        self.news: list[Message] = []

    def until(self, condition: Callable[[], object], within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"it did not happen in {within_s} s"
            self.news += self.subscriber.poll(0.02)

    def listen(self) -> None:
        self.subscriber.connect()

    def seqs(self) -> list[int]:
        return [record.seq for _, record in self.store.records(DEVICE)]

    def until_everything(self, outbox: MemoryOutbox, rows: int = ROWS) -> None:
        """Waits until nothing is missing, and checks that nothing is there twice or unreadable."""
        counts = {"predictions": rows * ROW, "drift": rows, "stats": rows}
        self.until(lambda: len(outbox) == 0 and {kind: self.store.count(kind, DEVICE) for kind in counts} == counts)
        assert self.seqs() == list(range(rows * ROW))
        assert self.store.set_aside() == {}

    def state(self) -> str:
        return next((device.state for device in overview(self.store) if device.device == DEVICE), "")

    def close(self) -> None:
        self.subscriber.close()
        self.store.close()


@pytest.fixture
def monitor_of(tmp_path: Path) -> Iterator[Callable[[str], Monitor]]:
    monitors: list[Monitor] = []

    def make(url: str) -> Monitor:
        monitors.append(Monitor(url, tmp_path / "monitor.db"))
        return monitors[-1]

    yield make
    for monitor in monitors:
        monitor.close()


@contextmanager
def syncing(url: str, outbox: MemoryOutbox, **options: Any) -> Iterator[Sync]:
    transport = open_transport(url, client_id=DEVICE)
    sync = Sync(transport, outbox, IDENTITY, predictions=True, backoff=Backoff(0.05, 0.3), **options)
    sync.start()
    yield sync
    sync.stop(2.0)


def feed(outbox: MemoryOutbox, rows: range) -> None:
    for row in rows:
        seqs = range(row * ROW, row * ROW + ROW)
        records = pack(Record(seq, seq, seq, 5, 0.5, seq % 2, 0) for seq in seqs)
        outbox.add("predictions", "boot-1", seqs[0], records, count=ROW, model="cookie")
        window = Window(seqs[0], seqs[-1], ROW, 1, 2)
        drift = Drift(**IDENTITY.head(row), window=window, drifted=False, share=0.0)
        outbox.add("drift", "boot-1", row, encode(drift), model="cookie")
        outbox.add("stats", "boot-1", row, encode(Stats(**IDENTITY.head(row), pane={"n": ROW})), model="cookie")


def eventually(condition: Callable[[], object], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in {within_s} s"
        time.sleep(0.01)


def test_everything_arrives_once_though_the_broker_is_away_for_half_of_the_run(
    mosquitto: Any, monitor_of: Callable[[str], Monitor]
) -> None:
    monitor, outbox = monitor_of(mosquitto.url), MemoryOutbox()
    with syncing(mosquitto.url, outbox) as sync:
        for row in range(ROWS):
            if row == ROWS // 4:
                mosquitto.stop()
            if row == 3 * ROWS // 4:
                mosquitto.start()
            feed(outbox, range(row, row + 1))
            monitor.news += monitor.subscriber.poll(0.02)
        monitor.until_everything(outbox)
        assert sync.state.acknowledged == 3 * ROWS


def test_a_broker_that_comes_later_gets_everything(mosquitto: Any, monitor_of: Callable[[str], Monitor]) -> None:
    mosquitto.stop()
    monitor, outbox = monitor_of(mosquitto.url), MemoryOutbox()
    with syncing(mosquitto.url, outbox) as sync:
        feed(outbox, range(ROWS))
        eventually(lambda: "Connection refused" in sync.state.last_error)
        assert not sync.state.connected
        mosquitto.start()
        monitor.until_everything(outbox)


def test_a_broker_killed_without_persistence_costs_nothing_that_it_had_not_acknowledged(
    make_mosquitto: Any, monitor_of: Callable[[str], Monitor]
) -> None:
    mosquitto = make_mosquitto(persistence="false")
    mosquitto.start()
    monitor, outbox = monitor_of(mosquitto.url), MemoryOutbox()
    monitor.listen()
    with syncing(mosquitto.url, outbox) as sync:
        feed(outbox, range(ROWS))
        eventually(lambda: sync.state.acknowledged > ROWS // 2)
        mosquitto.kill()
        eventually(lambda: not sync.state.connected)  # its last acknowledgements have been read
        feed(outbox, range(ROWS, ROWS + 20))
        kept = [entry for entry in outbox.pending(0, 10_000) if entry.kind == "predictions"]
        # It has forgotten the monitor's subscription: what comes before that is renewed must not be lost either.
        mosquitto.start()
        eventually(lambda: sync.state.unheard > 0)
        monitor.until(lambda: len(outbox) == 0 and kept[-1].seq in monitor.seqs())
    seqs = monitor.seqs()
    assert {entry.seq + i for entry in kept for i in range(ROW)} <= set(seqs)
    assert len(kept) >= 20
    assert len(seqs) == len(set(seqs))


def test_a_broker_restarted_with_persistence_keeps_what_a_monitor_has_not_fetched(
    mosquitto: Any, monitor_of: Callable[[str], Monitor]
) -> None:
    monitor, outbox = monitor_of(mosquitto.url), MemoryOutbox()
    monitor.listen()
    monitor.subscriber.close()
    feed(outbox, range(ROWS))
    with syncing(mosquitto.url, outbox) as sync:
        eventually(lambda: len(outbox) == 0)
        mosquitto.stop()
        mosquitto.start()
        monitor.until_everything(outbox)
        assert sync.state.acknowledged == 3 * ROWS


def test_what_the_acl_denies_is_kept_and_said_once(
    make_mosquitto: Any, monitor_of: Callable[[str], Monitor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic read #\ntopic write edge/v1/{DEVICE}/status\ntopic write edge/v1/{DEVICE}/drift/#\n")
    broker, outbox = make_mosquitto(acl_file=str(acl)), MemoryOutbox()
    broker.start()
    monitor = monitor_of(broker.url)
    monitor.listen()
    feed(outbox, range(ROWS))
    with caplog.at_level(logging.WARNING), syncing(broker.url, outbox) as sync:
        # What is allowed is not held up by what is not.
        monitor.until(lambda: monitor.store.count("drift", DEVICE) == ROWS)
        monitor.until(lambda: sync.state.refused >= 3 and len(outbox) == 2 * ROWS)
        assert {entry.kind for entry in outbox.pending(0, 10_000)} == {"predictions", "stats"}
        assert sync.state.refused < 100
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == len(set(said)) == 2
        assert all("Not authorized" in text and "ACL" in text for text in said)
        acl.write_text("topic readwrite #\n")
        broker.reload()
        monitor.until_everything(outbox)


def test_what_nobody_subscribes_to_is_kept_until_somebody_does(
    mosquitto: Any, monitor_of: Callable[[str], Monitor]
) -> None:
    outbox = MemoryOutbox()
    feed(outbox, range(ROWS))
    with syncing(mosquitto.url, outbox) as sync:
        eventually(lambda: sync.state.unheard >= 3)
        time.sleep(0.5)
        assert (len(outbox), sync.state.acknowledged, sync.state.refused) == (3 * ROWS, 0, 0)
        assert sync.state.published < 100
        monitor = monitor_of(mosquitto.url)
        monitor.until_everything(outbox)


def test_a_broker_that_hangs_is_left_and_everything_arrives_after(
    mosquitto: Any, monitor_of: Callable[[str], Monitor]
) -> None:
    monitor, outbox = monitor_of(mosquitto.url), MemoryOutbox()
    monitor.listen()
    with syncing(mosquitto.url, outbox, silence_s=0.5) as sync:
        eventually(lambda: sync.state.connected)
        mosquitto.pause()
        feed(outbox, range(ROWS))
        eventually(lambda: "no acknowledgement" in sync.state.last_error)
        mosquitto.resume()
        monitor.until_everything(outbox)


def test_stop_sends_what_waits_and_says_goodbye(mosquitto: Any, monitor_of: Callable[[str], Monitor]) -> None:
    monitor, outbox = monitor_of(mosquitto.url), MemoryOutbox()
    monitor.listen()
    with syncing(mosquitto.url, outbox) as sync:
        monitor.until(lambda: monitor.state() == "online")
        feed(outbox, range(ROWS))
        began = time.monotonic()
        assert sync.stop(20.0) is True
        assert time.monotonic() - began < 5
    assert len(outbox) == 0
    monitor.until_everything(outbox)
    monitor.until(lambda: monitor.state() == "offline")
    assert f"Client {DEVICE} disconnected." in mosquitto.log


@pytest.mark.parametrize("timeout_s", [0.3, 1.0])
def test_stop_keeps_its_timeout_though_the_broker_hangs(mosquitto: Any, timeout_s: float) -> None:
    outbox = MemoryOutbox()
    with syncing(mosquitto.url, outbox) as sync:
        eventually(lambda: sync.state.connected)
        mosquitto.pause()
        feed(outbox, range(ROWS))
        time.sleep(0.3)
        began = time.monotonic()
        assert sync.stop(timeout_s) is False
        assert time.monotonic() - began < timeout_s + 2
        assert len(outbox) == 3 * ROWS


def test_stop_does_not_wait_for_a_broker_that_is_away(mosquitto: Any) -> None:
    mosquitto.stop()
    with syncing(mosquitto.url, MemoryOutbox()) as sync:
        eventually(lambda: sync.state.last_error)
        began = time.monotonic()
        sync.stop(20.0)
        assert time.monotonic() - began < 5


def test_a_device_that_vanishes_is_offline_by_its_will(mosquitto: Any, monitor_of: Callable[[str], Monitor]) -> None:
    monitor = monitor_of(mosquitto.url)
    monitor.listen()
    program = (
        "import os, sys, time\n"
        "from edge.protocol.messages import Identity\n"
        "from edge.device.sync import MemoryOutbox, Sync, open_transport\n"
        f"identity = Identity({DEVICE!r}, 's', 'l', 'b', 'm', 1, ())\n"
        "sync = Sync(open_transport(sys.argv[1], client_id=identity.device), MemoryOutbox(), identity)\n"
        "sync.start()\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, mosquitto.url]) as process:
        monitor.until(lambda: monitor.state() == "online")
        process.kill()
    monitor.until(lambda: monitor.state() == "offline")


def test_a_monitor_that_could_not_store_or_was_away_misses_nothing(mosquitto: Any, tmp_path: Path) -> None:
    outbox = MemoryOutbox()
    first = Monitor(mosquitto.url, tmp_path / "monitor.db")
    first.listen()
    with syncing(mosquitto.url, outbox):
        feed(outbox, range(ROWS // 2))
        first.until(lambda: len(first.seqs()) > 0)
        feed(outbox, range(ROWS // 2, ROWS - 10))
        first.store.engine.execute("PRAGMA query_only=ON")
        with pytest.raises(StateError, match="cannot be written"):
            first.until(lambda: False)
        first.close()
        feed(outbox, range(ROWS - 10, ROWS))
        eventually(lambda: len(outbox) == 0)
    second = Monitor(mosquitto.url, tmp_path / "monitor.db")
    second.until_everything(outbox)
    second.close()


def test_health_and_drift_reach_the_overview(mosquitto: Any, monitor_of: Callable[[str], Monitor]) -> None:
    monitor, outbox = monitor_of(mosquitto.url), MemoryOutbox()
    column = DriftColumn("brightness", "wasserstein", 0.4, None, 0.1, drifted=True)
    window = Window(0, 99, 100, 10**18, 10**18 + 1)
    drift = Drift(**IDENTITY.head(0), window=window, drifted=True, share=1.0, columns=(column,))
    outbox.add("drift", "boot-1", 0, encode(drift), model="cookie")
    latency, depth = Latency(1, 2, 3000, 4), BufferDepth(7, 6, 5, 0)
    counts: dict[str, Any] = {"captured": 3, "decided": 2, "dropped": {"late": 1}, "rss_bytes": 1}
    health = Health(**IDENTITY.head(0), **counts, latency_us=latency, rate_fps=30.0, buffer=depth, uptime_s=1.0)
    monitor.listen()
    with syncing(mosquitto.url, outbox) as sync:
        sync.send_health(health)
        monitor.until(lambda: len(monitor.news) == 3)
        device = overview(monitor.store)[0]
        assert (device.device, device.state, device.health) == (DEVICE, "online", health)
        assert device.drift is not None
        assert (device.drift.columns, device.drift.since_ns) == ((column,), 10**18)


def hostile(chance: random.Random) -> tuple[str, bytes]:
    """Noise, and messages that are nearly right."""
    kind = chance.choice(["status", "health", "predictions", "drift/cookie", "stats/cookie"])
    status = encode(StatusMessage(**IDENTITY.head(0), state="online"))
    changes: dict[str, Any] = {"seq": 10**30, "device": "liar", "site": "\x1b[2J", "state": [], "schema": -1}
    name = chance.choice(list(changes))
    payload = chance.choice(
        [
            chance.randbytes(chance.randrange(200)),
            b"[" * chance.randrange(1, 50_000),
            status[: chance.randrange(len(status))],
            json.dumps(json.loads(status) | {name: changes[name]}).encode(),
            b'{"seq": NaN}',
        ]
    )
    return f"edge/v1/{DEVICE}/{kind}", payload


def test_hostile_messages_are_set_aside_and_the_good_ones_between_them_kept(
    mosquitto: Any, monitor_of: Callable[[str], Monitor]
) -> None:
    monitor, chance = monitor_of(mosquitto.url), random.Random(3)
    monitor.listen()
    transport = open_transport(mosquitto.url, window=1000)
    transport.connect()
    feed(outbox := MemoryOutbox(), range(50))
    good = [Arrival(f"edge/v1/{DEVICE}/drift/cookie", e.payload) for e in outbox.pending(0, 999) if e.kind == "drift"]
    for n in range(400):
        transport.publish(Outgoing(*hostile(chance)))
        if n % 8 == 0:
            transport.publish(Outgoing(good[n // 8].topic, good[n // 8].payload))
        transport.poll(0.0)
    monitor.until(lambda: monitor.subscriber.received == 450)
    assert monitor.store.set_aside() == {DEVICE: 400}
    assert [message.seq for message in monitor.news] == list(range(50))
    assert monitor.store.count("drift", DEVICE) == 50
    transport.close()


def test_the_command_prints_each_message_once_and_ends_when_it_is_quiet(mosquitto: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli.main", "monitor", "--broker", mosquitto.url]
    options = ["--store", str(tmp_path / "monitor.db")]
    outbox = MemoryOutbox()
    feed(outbox, range(20))
    with subprocess.Popen([*command, *options, "--json", "--until-idle", "1"], stdout=subprocess.PIPE) as process:
        eventually(lambda: "as monitor-" in mosquitto.log)
        with syncing(mosquitto.url, outbox):
            eventually(lambda: len(outbox) == 0)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    messages = [json.loads(line) for line in out.splitlines()]
    keys = [(m["kind"], m["boot_id"], m["seq"]) for m in messages if m["kind"] != "status"]
    assert len(keys) == len(set(keys)) == 60
    assert sum(len(m["records"]) for m in messages if m["kind"] == "predictions") == 20 * ROW
    table = subprocess.run(
        [*command, *options, "--once"], capture_output=True, text=True, timeout=20, check=True
    ).stdout
    assert f"{DEVICE}  offline  cookie v4" in table
    assert " 1000 " in table
