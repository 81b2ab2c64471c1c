import json
import math
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import StateError
from edge.monitor import Arrival, Store
from edge.monitor.store.store import SET_ASIDE_BYTES, SET_ASIDE_KEPT
from edge.protocol.messages import (
    AuditSample,
    Drift,
    EventMessage,
    Identity,
    Message,
    Predictions,
    SlotsMessage,
    Stats,
    StatusMessage,
    Window,
    encode,
    kind_of,
)
from edge.protocol.record import Record
from edge.protocol.topics import PER_MODEL, topic

IDENTITY = Identity("oven-3", "Köln", "2", "b1", "cookie", 4, ("good", "broken"))
HEAD: dict[str, Any] = IDENTITY.head(0)


def arrival(message: Message) -> Arrival:
    kind = kind_of(message)
    return Arrival(topic("edge", message.device, kind, message.model if kind in PER_MODEL else ""), encode(message))


def predictions(*seqs: int, boot_id: str = "b1") -> Predictions:
    rows = tuple(Record(seq, seq, 10**18 + seq, 5, 0.25, seq % 2, 0) for seq in seqs)
    return Predictions(**HEAD | {"seq": seqs[0], "boot_id": boot_id}, labels=("good", "broken"), records=rows)


def drift(seq: int, drifted: bool = False) -> Drift:
    return Drift(**HEAD | {"seq": seq}, window=Window(0, 1, 2, 3, 4), drifted=drifted, share=0.0)


def test_records_are_kept_as_they_were_sent(store: Store) -> None:
    sent = predictions(3, 4, 7)
    assert store.accept([arrival(sent)]) == [sent]
    assert list(store.records("oven-3")) == [("b1", record) for record in sent.records]


def test_a_repeated_message_is_not_new(store: Store) -> None:
    messages = [arrival(m) for m in (predictions(1, 2), drift(0), Stats(**HEAD, pane={"n": 1}))]
    assert len(store.accept(messages)) == 3
    assert store.accept(messages) == []
    assert [store.count(kind, "oven-3") for kind in ("predictions", "drift", "stats")] == [2, 1, 1]


def test_events_of_a_camera_are_kept_and_leave_what_is_known_of_the_present_alone(store: Store) -> None:
    event = EventMessage(**HEAD, camera="camera://0", fault="frozen", active=True, since_ns=10**18)
    late = EventMessage(**HEAD | {"boot_id": "b0"}, camera="camera://0", fault="lost", active=True, since_ns=10**18)
    store.accept([arrival(StatusMessage(**HEAD, state="online")), arrival(event), arrival(late)])
    assert store.accept([arrival(event)]) == []
    assert store.count("event", "oven-3") == 2
    assert store.engine.query("SELECT boot_id FROM device")[0] == ("b1",)


def test_audits_are_kept(store: Store) -> None:
    audit = AuditSample(**HEAD, record_seq=41, why=("random", "uncertain"), label="good", score=0.4)
    assert [store.accept([arrival(audit)]) for _ in range(2)] == [[audit], []]
    assert store.count("audit", "oven-3") == 1
    assert store.engine.query("SELECT record_seq FROM audit")[0] == (41,)


def test_the_last_slots_of_a_device_are_kept(store: Store) -> None:
    store.accept([arrival(SlotsMessage(**HEAD, active="A")), arrival(SlotsMessage(**HEAD | {"seq": 1}, active="B"))])
    detail = store.reader().device("oven-3")
    assert detail is not None and detail.slots is not None
    assert (detail.slots["active"], detail.row.slot) == ("B", "B")


def test_the_same_numbers_in_another_boot_are_other_records(store: Store) -> None:
    store.accept([arrival(predictions(1, 2)), arrival(predictions(1, 2, boot_id="b2"))])
    assert store.count("predictions", "oven-3") == 4


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=20), st.randoms())
def test_batches_in_any_order_cut_and_repeated_give_each_record_once(
    cuts: list[tuple[int, int]], chance: random.Random
) -> None:
    store = Store()
    batches = [predictions(*range(start, start + count)) for start, count in cuts] * 2
    chance.shuffle(batches)
    store.accept(map(arrival, batches))
    seqs = [record.seq for _, record in store.records("oven-3")]
    assert seqs == sorted({seq for start, count in cuts for seq in range(start, start + count)})
    assert store.engine.query("SELECT coalesce(sum(predictions), 0) FROM device")[0][0] == len(seqs)
    store.close()


def test_a_score_that_is_not_a_number_stays_one(store: Store) -> None:
    message = Predictions(**HEAD, records=(Record(0, 0, 0, 0, math.nan, 0, 0),))
    store.accept([arrival(message)])
    assert [math.isnan(record.score) for _, record in store.records("oven-3")] == [True]


def test_the_unreadable_is_set_aside_and_counted_and_the_rest_is_kept(store: Store) -> None:
    bad = Arrival("edge/v1/oven-3/health", b"{")
    assert len(store.accept([bad, arrival(drift(0)), bad])) == 1
    assert store.set_aside() == {"oven-3": 2}
    rows = store.engine.query("SELECT device, topic, reason, payload FROM set_aside")
    assert {(device, name, payload) for device, name, _, payload in rows} == {
        ("oven-3", "edge/v1/oven-3/health", b"{")
    }
    assert all("not JSON" in reason for _, _, reason, _ in rows)


@pytest.mark.parametrize("kind", ["status", "drift"])
def test_a_device_that_speaks_for_another_is_set_aside_under_its_own_name(store: Store, kind: str) -> None:
    message = drift(0) if kind == "drift" else StatusMessage(**HEAD, state="offline")
    assert store.accept([Arrival(topic("edge", "liar", kind, "cookie"), encode(message))]) == []
    assert store.set_aside() == {"liar": 1}
    assert store.count("drift", "oven-3") == 0


def test_a_model_that_is_not_its_topics_is_set_aside(store: Store) -> None:
    store.accept([Arrival("edge/v1/oven-3/drift/other", encode(drift(0)))])
    assert store.set_aside() == {"oven-3": 1}


def test_only_the_last_of_the_unreadable_are_kept_and_only_their_beginning(store: Store) -> None:
    store.accept(Arrival("edge/v1/d/status", b"x" * 10_000) for _ in range(SET_ASIDE_KEPT + 50))
    count, longest = store.engine.query("SELECT count(*), max(length(payload)) FROM set_aside")[0]
    assert (count, longest) == (SET_ASIDE_KEPT, SET_ASIDE_BYTES)
    assert store.set_aside() == {"d": SET_ASIDE_KEPT + 50}


HOSTILE_NAMES = [
    "'; DROP TABLE device; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "[red]x[/red]",
    "%s%n{0}",
    "𝕏",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_only_text(store: Store, name: str) -> None:
    store.accept([arrival(StatusMessage(**HEAD | {"site": name, "line": name, "boot_id": name}, state="online"))])
    assert store.engine.query("SELECT site, line, boot_id FROM device") == [(name, name, name)]


def mutated(payload: bytes, chance: random.Random) -> bytes:
    """As a fuzzer does: flip, cut, double, and swap values in the JSON."""
    data = bytearray(payload)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0 if at < len(data):
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(20)]
            case 2:
                data[at:at] = chance.choice([b"1e999", b"-1", b"null", b'"', b"[[[", b"\\ud800", b"NaN", b"9" * 30])
            case 3:
                data += data[at:]
    return bytes(data)


def test_five_hundred_mutated_messages_are_each_kept_or_counted(store: Store) -> None:
    chance = random.Random(7)
    examples = [
        arrival(m)
        for m in (predictions(1, 2), drift(0), Stats(**HEAD, pane={"n": [1]}), StatusMessage(**HEAD, state="online"))
    ]
    sent = [Arrival(e.topic, mutated(e.payload, chance)) for e in (chance.choice(examples) for _ in range(500))]
    for one in sent:
        before = sum(store.set_aside().values())
        readable = is_json_object(one.payload)
        fresh = store.accept([one])
        counted = sum(store.set_aside().values()) - before
        assert counted in (0, 1)
        assert readable or (counted == 1 and not fresh)
    assert sum(store.set_aside().values()) > 300


def is_json_object(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except ValueError:
        return False


def test_the_name_for_the_broker_stays_with_the_file(tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        store = Store(tmp_path / "monitor.db")
        names.append(store.client_id)
        store.close()
    other = Store(tmp_path / "other.db")
    assert names[0] == names[1] != other.client_id
    other.close()


def test_what_was_accepted_is_there_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "monitor.db")
    store.accept([arrival(predictions(*range(100)))])
    other = sqlite3.connect(f"file:{tmp_path / 'monitor.db'}?mode=ro", uri=True)
    assert other.execute("SELECT count(*) FROM record").fetchone() == (100,)
    other.close()
    store.close()
    again = Store(tmp_path / "monitor.db")
    assert again.accept([arrival(predictions(*range(100)))]) == []
    again.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError, match=r"monitor\.db"):
        Store(path)
    with pytest.raises(StateError, match="nowhere"):
        Store(tmp_path / "nowhere" / "monitor.db")


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(StateError, match="newer"):
        Store(path)


def test_a_disk_that_refuses_is_an_error_and_nothing_is_half_stored() -> None:
    store = Store()
    pages = store.engine.query("PRAGMA page_count")[0][0]
    store.engine.query(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(StateError, match="full"):
        store.accept([arrival(drift(0)), arrival(predictions(*range(5000)))])
    assert store.count("drift", "oven-3") == 0
