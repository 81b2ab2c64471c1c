"""Sync over a file: the same thread, without a broker. Broker faults are in tests/system."""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.core.backoff import Backoff
from edge.device.sync import MemoryOutbox, OutboxEntry, Sync, open_transport
from edge.errors import ConfigError
from edge.protocol.messages import BufferDepth, Drift, Health, Identity, Latency, SlotsMessage, Window, encode
from edge.protocol.record import Record, pack

IDENTITY = Identity("oven-3", "Köln", "2", "boot-2", "cookie", 4, ("good", "broken"))


def records(start: int, count: int) -> bytes:
    return pack(Record(seq, seq, seq, 9, 0.5, 1, 0) for seq in range(start, start + count))


def eventually(condition: Callable[[], object], within_s: float = 3.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


class Out:
    """A file to publish into, read back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.uri = path.as_uri()

    def lines(self, kind: str) -> list[Any]:
        lines = map(json.loads, self.path.read_text().splitlines()) if self.path.exists() else []
        return [line for line in lines if line["topic"].split("/v1/oven-3/")[1].split("/")[0] == kind]

    def payloads(self, kind: str) -> list[Any]:
        return [line["payload"] for line in self.lines(kind)]


@pytest.fixture
def out(tmp_path: Path) -> Out:
    return Out(tmp_path / "out.jsonl")


def test_everything_that_waits_arrives_in_order_and_leaves_the_outbox(out: Out) -> None:
    outbox = MemoryOutbox()
    for start in range(0, 1000, 10):
        outbox.add("predictions", "boot-2", start, records(start, 10), count=10, model="cookie")
    sync = Sync(open_transport(out.uri), outbox, IDENTITY, "plant/edge", predictions=True)
    sync.start()
    assert sync.stop(5.0) is True
    assert [row[0] for payload in out.payloads("predictions") for row in payload["records"]] == list(range(1000))
    assert {line["topic"] for line in out.lines("predictions")} == {"plant/edge/v1/oven-3/predictions"}
    assert len(outbox) == 0
    assert (sync.state.published, sync.state.acknowledged, sync.state.connected) == (100, 100, False)


def test_a_device_says_hello_and_goodbye(out: Out) -> None:
    sync = Sync(open_transport(out.uri), MemoryOutbox(), IDENTITY)
    sync.start()
    eventually(lambda: sync.state.connected)
    sync.stop()
    assert [(p["state"], p["boot_id"], p["labels"]) for p in out.payloads("status")] == [
        ("online", "boot-2", ["good", "broken"]),
        ("offline", "boot-2", ["good", "broken"]),
    ]
    assert all(line["retain"] for line in out.lines("status"))


def test_the_slots_are_told_retained_at_each_change_and_each_connection(out: Out) -> None:
    sync = Sync(open_transport(out.uri), MemoryOutbox(), IDENTITY)
    sync.send_slots(SlotsMessage(**IDENTITY.head(0), active="A"))
    sync.start()
    eventually(lambda: out.lines("slots"))
    sync.send_slots(SlotsMessage(**IDENTITY.head(1), active="A", trial="B"))
    sync.stop()
    assert [(p["seq"], p["active"], p["trial"]) for p in out.payloads("slots")] == [(0, "A", ""), (1, "A", "B")]
    assert all(line["retain"] for line in out.lines("slots"))
    again = Sync(open_transport(out.uri), MemoryOutbox(), IDENTITY)
    again.send_slots(SlotsMessage(**IDENTITY.head(2)))
    again.start()
    again.stop()
    assert out.payloads("slots")[-1]["seq"] == 2


def test_predictions_carry_the_version_and_labels_of_the_model_that_judged(out: Out) -> None:
    outbox = MemoryOutbox()
    outbox.add("predictions", "boot-1", 5, records(5, 1), model="cookie")
    labels = ("good", "broken")
    outbox.add("predictions", "boot-2", 0, records(0, 1), model="cookie", model_version=4, labels=labels)
    sync = Sync(open_transport(out.uri), outbox, IDENTITY, predictions=True)
    sync.start()
    sync.stop()
    assert [(p["boot_id"], p["seq"], p["model_version"], p["labels"]) for p in out.payloads("predictions")] == [
        ("boot-1", 5, 0, []),
        ("boot-2", 0, 4, ["good", "broken"]),
    ]


def test_predictions_stay_unless_they_are_asked_for(out: Out) -> None:
    outbox = MemoryOutbox()
    outbox.add("predictions", "boot-2", 0, records(0, 3), count=3, model="cookie")
    outbox.add("drift", "boot-2", 0, b'{"seq": 0}', model="cookie")
    sync = Sync(open_transport(out.uri), outbox, IDENTITY)
    sync.start()
    assert sync.stop() is True
    assert out.payloads("predictions") == []
    assert [line["topic"] for line in out.lines("drift")] == ["edge/v1/oven-3/drift/cookie"]
    assert [entry.kind for entry in outbox.pending(0, 9)] == ["predictions"]


@pytest.mark.parametrize(
    ("kind", "model", "payload"),
    [("predictions", "cookie", b"half a record"), ("drift", "a/b", b"{}"), ("unknown", "cookie", b"{}")],
)
def test_an_entry_that_cannot_be_sent_is_kept_and_holds_up_nothing(
    kind: str, model: str, payload: bytes, out: Out
) -> None:
    outbox = MemoryOutbox()
    outbox.add(kind, "boot-2", 0, payload, model=model)
    outbox.add("stats", "boot-2", 1, b"{}", model="cookie")
    sync = Sync(open_transport(out.uri), outbox, IDENTITY, predictions=True)
    sync.start()
    sync.stop()
    assert len(out.lines("stats")) == 1
    assert [entry.kind for entry in outbox.pending(0, 9)] == [kind]
    assert sync.state.refused == 1
    assert "cannot be sent" in sync.state.last_error


class FailingOutbox(MemoryOutbox):
    """Fails a few times, as a database on a bad card does."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def acknowledge(self, ids: Sequence[int]) -> None:
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("disk I/O error")
        super().acknowledge(ids)

    def pending(self, after: int, limit: int) -> list[OutboxEntry]:
        return super().pending(after, limit)


def test_a_fault_of_the_outbox_is_said_and_sync_goes_on(out: Out, caplog: pytest.LogCaptureFixture) -> None:
    outbox = FailingOutbox(3)
    outbox.add("drift", "boot-2", 0, b"{}", model="cookie")
    sync = Sync(open_transport(out.uri), outbox, IDENTITY, backoff=Backoff(0.01, 0.02))
    sync.start()
    eventually(lambda: len(outbox) == 0)
    sync.stop()
    assert "disk I/O error" in sync.state.last_error
    assert len([record for record in caplog.records if record.exc_info]) == 3


def test_a_place_that_cannot_be_written_is_tried_again_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = Out(tmp_path / "later" / "out.jsonl")
    outbox = MemoryOutbox()
    outbox.add("drift", "boot-2", 0, b"{}", model="cookie")
    sync = Sync(open_transport(out.uri), outbox, IDENTITY, backoff=Backoff(0.01, 0.02))
    sync.start()
    eventually(lambda: "later" in sync.state.last_error)
    time.sleep(0.1)
    out.path.parent.mkdir()
    eventually(lambda: len(outbox) == 0)
    sync.stop()
    assert len([record for record in caplog.records if "trying again" in record.getMessage()]) == 1


def health(seq: int) -> Health:
    return Health(
        **IDENTITY.head(seq),
        captured=seq,
        decided=seq,
        dropped={},
        latency_us=Latency(1, 2, 3, 4),
        rate_fps=30.0,
        buffer=BufferDepth(0, 0, 0, 0),
        rss_bytes=1,
        uptime_s=1.0,
    )


def test_of_health_only_the_latest_is_sent(tmp_path: Path) -> None:
    out = Out(tmp_path / "later" / "out.jsonl")
    sync = Sync(open_transport(out.uri), MemoryOutbox(), IDENTITY, backoff=Backoff(0.01, 0.02))
    sync.start()
    for seq in range(10):
        sync.send_health(health(seq))
    out.path.parent.mkdir()
    eventually(lambda: out.payloads("health"))
    sync.stop()
    assert [payload["seq"] for payload in out.payloads("health")] == [9]
    assert all(line["expiry_s"] == 120 for line in out.lines("health"))


@pytest.mark.parametrize("change", [{"device": "a/b"}, {"device": ""}, {"model": "a b"}])
def test_a_name_that_cannot_be_in_a_topic_is_refused_at_once(change: dict[str, str], out: Out) -> None:
    identity = Identity(**{name: getattr(IDENTITY, name) for name in IDENTITY.__dataclass_fields__} | change)
    with pytest.raises(ConfigError):
        Sync(open_transport(out.uri), MemoryOutbox(), identity)


def test_stopping_what_never_started_is_harmless(out: Out) -> None:
    assert Sync(open_transport(out.uri), MemoryOutbox(), IDENTITY).stop(0.1) is False


def test_wall_times_from_before_the_clock_was_set_are_corrected_and_marked(out: Out) -> None:
    outbox, offset = MemoryOutbox(), 10**18
    stamps = pack([Record(0, 5, 5, 9, 0.5, 1, 1), Record(1, 6, 6 + offset, 9, 0.5, 1, 0)])
    window = Window(0, 1, 2, 5, 6)
    drift = encode(Drift(**IDENTITY.head(0), window=window, drifted=False, share=0.0))
    outbox.add("predictions", "boot-1", 0, stamps, model="cookie", offset_ns=offset, synchronized=False)
    outbox.add("drift", "boot-2", 0, drift, model="cookie", made_offset_ns=0, offset_ns=offset)
    sync = Sync(open_transport(out.uri), outbox, IDENTITY, predictions=True)
    sync.start()
    assert sync.stop() is True
    (predictions,) = out.payloads("predictions")
    assert [(row[2], row[6]) for row in predictions["records"]] == [(5 + offset, 3), (6 + offset, 0)]
    assert predictions["synchronized"] is False
    (sent,) = out.payloads("drift")
    assert (sent["window"]["start_ns"], sent["window"]["end_ns"]) == (5 + offset, 6 + offset)
    assert {key: sent[key] for key in sent if key != "window"} == {
        key: value for key, value in json.loads(drift).items() if key != "window"
    }
