"""Several monitors on one share, with a real Mosquitto and a real PostgreSQL: one killed with -9 loses nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from edge.device.sync import Outgoing, open_transport
from edge.monitor import Store
from edge.protocol.messages import Drift, StatusMessage, Window, encode
from edge.protocol.topics import topic
from tests.support.daemon import EDGE
from tests.support.postgres import Postgres

pytestmark = pytest.mark.system

DEVICES, WINDOWS = 20, 30


class MonitorProcess:
    """``edge monitor`` on a share."""

    def __init__(self, broker: str, store: str, folder: Path, name: str) -> None:
        self.out = folder / f"{name}.jsonl"
        self.log = folder / f"{name}.log"
        command = [*EDGE, "monitor", "--broker", broker, "--store", store, "--share", "fleet", "--json"]
        with self.out.open("w") as out, self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=out, stderr=log)

    def said(self) -> list[tuple[str, int]]:
        """Device and number of each window that it printed; a line that it was killed over does not count."""
        whole = self.out.read_text("utf-8").split("\n")[:-1]
        found = [message for message in map(json.loads, whole) if message["kind"] == "drift"]
        return [(message["device"], message["seq"]) for message in found]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log.read_text("utf-8")


@pytest.fixture
def mosquitto(make_mosquitto: Callable[..., Any]) -> Any:
    """Its log tells of subscriptions."""
    broker = make_mosquitto(log_type="all")
    broker.start()
    return broker


@pytest.fixture
def monitor(tmp_path: Path, mosquitto: Any) -> Iterator[Callable[[str, str], MonitorProcess]]:
    """``monitor(store, name)``, listening."""
    running: list[MonitorProcess] = []

    def begin(store: str, name: str) -> MonitorProcess:
        before = mosquitto.log.count("Sending SUBACK to monitor-")
        running.append(MonitorProcess(mosquitto.url, store, tmp_path, name))
        eventually(lambda: mosquitto.log.count("Sending SUBACK to monitor-") > before)
        return running[-1]

    yield begin
    for one in running:
        with suppress(ProcessLookupError):
            one.kill()


class Fleet:
    """Devices that send windows, each with a number of its own."""

    def __init__(self, url: str) -> None:
        self.transport = open_transport(url, client_id="fleet", window=200)
        self.transport.connect()
        self.sent: dict[str, int] = {}
        self.waiting = 0

    def send(self, windows: range) -> None:
        for seq in windows:
            for number in range(DEVICES):
                device = f"oven-{number}"
                head: dict[str, Any] = {"device": device, "boot_id": "b1", "seq": seq, "model": "cookie"}
                span = Window(seq, seq, 1, seq, seq)
                drift = Drift(**head, window=span, drifted=False, share=0.0)
                self._publish(topic("edge", device, "drift", "cookie"), encode(drift))
                self.sent[device] = self.sent.get(device, 0) + 1

    def hello(self) -> None:
        for number in range(DEVICES):
            status = StatusMessage(device=f"oven-{number}", boot_id="b1", seq=0, state="online")
            self._publish(f"edge/v1/oven-{number}/status", encode(status), retain=True)

    def settle(self) -> None:
        """Until the broker has acknowledged all of them."""
        deadline = time.monotonic() + 20
        while self.waiting:
            assert time.monotonic() < deadline
            self.poll(0.05)

    def poll(self, timeout_s: float) -> None:
        acknowledgements = self.transport.poll(timeout_s)
        assert not any(one.refused for one in acknowledgements), acknowledgements
        self.waiting -= len(acknowledgements)

    def _publish(self, address: str, payload: bytes, *, retain: bool = False) -> None:
        self.transport.publish(Outgoing(address, payload, retain))
        self.waiting += 1
        while self.waiting >= self.transport.window:
            self.poll(0.05)


def eventually(condition: Callable[[], object], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in {within_s} s"
        time.sleep(0.02)


def stored(address: str) -> dict[str, int]:
    with closing(Store(address)) as store:
        sql = "SELECT device, count(*) FROM drift JOIN boot ON boot.id = drift.boot GROUP BY device"
        return {row[0]: row[1] for row in store.engine.query(sql)}


def test_two_monitors_split_the_load_and_one_that_is_killed_loses_nothing(
    mosquitto: Any, postgres: Postgres, monitor: Callable[[str, str], MonitorProcess]
) -> None:
    address = postgres.empty()
    Store(address).close()
    first, second = monitor(address, "first"), monitor(address, "second")
    fleet = Fleet(mosquitto.url)
    fleet.send(range(WINDOWS // 3))
    eventually(lambda: first.said() and second.said())
    first.process.send_signal(signal.SIGSTOP)  # what comes to it now lies unacknowledged in its session
    fleet.send(range(WINDOWS // 3, 2 * WINDOWS // 3))
    first.kill()
    fleet.send(range(2 * WINDOWS // 3, WINDOWS))
    fleet.settle()
    eventually(lambda: stored(address) == fleet.sent)
    eventually(lambda: members(address) == 1)
    second.stop()
    said = [*first.said(), *second.said()]
    assert len(said) == len(set(said))
    # What the first had stored when it was killed it may not have printed yet; nobody says it a second time.
    alone = {(f"oven-{number}", seq) for number in range(DEVICES) for seq in range(2 * WINDOWS // 3, WINDOWS)}
    assert alone <= set(second.said())


def members(address: str) -> int:
    with closing(Store(address)) as store:
        return int(store.engine.query("SELECT count(*) FROM member")[0][0])


def test_one_that_was_stopped_for_a_while_takes_its_place_again(
    mosquitto: Any, postgres: Postgres, monitor: Callable[[str, str], MonitorProcess]
) -> None:
    address = postgres.empty()
    Store(address).close()
    first, second = monitor(address, "first"), monitor(address, "second")
    fleet = Fleet(mosquitto.url)
    first.process.send_signal(signal.SIGSTOP)
    fleet.send(range(5))
    eventually(lambda: stored(address) == fleet.sent)  # the second has fetched what waited for the first
    before = len(first.said())
    first.process.send_signal(signal.SIGCONT)

    def it_takes_part_again() -> bool:
        seq = max(fleet.sent.values())
        fleet.send(range(seq, seq + 1))
        time.sleep(0.2)
        return len(first.said()) > before and len(second.said()) > 0

    eventually(it_takes_part_again)
    fleet.settle()
    eventually(lambda: stored(address) == fleet.sent)


def test_a_name_that_a_monitor_left_is_taken_up_by_the_next_with_all_that_waits(
    mosquitto: Any, postgres: Postgres, monitor: Callable[[str, str], MonitorProcess]
) -> None:
    address = postgres.empty()
    Store(address).close()
    monitor(address, "first").stop()
    fleet = Fleet(mosquitto.url)
    fleet.send(range(3))
    fleet.settle()
    monitor(address, "second")
    eventually(lambda: stored(address) == fleet.sent)
    assert members(address) == 1


def test_each_monitor_of_a_share_knows_the_state_of_all_devices(
    mosquitto: Any, monitor: Callable[[str, str], MonitorProcess], tmp_path: Path
) -> None:
    fleet = Fleet(mosquitto.url)
    fleet.hello()
    stores = [str(tmp_path / f"{name}.db") for name in ("first", "second")]
    for store in stores:
        monitor(store, Path(store).stem)
    fleet.send(range(10))
    fleet.settle()

    def both() -> dict[str, int]:
        found = [stored(store) for store in stores]
        return {device: sum(one.get(device, 0) for one in found) for device in fleet.sent}

    eventually(lambda: both() == fleet.sent)
    for store in stores:
        with closing(Store(store)) as opened:
            assert opened.reader().summary().online == DEVICES


def test_a_database_that_is_away_for_a_while_costs_nothing(
    mosquitto: Any, monitor: Callable[[str, str], MonitorProcess]
) -> None:
    server = Postgres({})  # durable, as it comes
    try:
        server.start()
        address = server.empty()
        Store(address).close()
        one, fleet = monitor(address, "one"), Fleet(mosquitto.url)
        fleet.send(range(5))
        eventually(one.said)
        server.kill()
        fleet.send(range(5, 10))
        fleet.settle()
        eventually(lambda: "waiting for it" in one.log.read_text("utf-8"))
        server.start()
        eventually(lambda: stored(address) == fleet.sent)
        assert one.process.poll() is None
        one.stop()
    finally:
        server.remove()
