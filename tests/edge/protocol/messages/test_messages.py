import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import MessageError
from edge.protocol.messages import (
    MAX_BYTES,
    AuditSample,
    BufferDepth,
    CameraCounts,
    Drift,
    DriftAlarm,
    DriftColumn,
    EventMessage,
    Health,
    Histogram,
    Identity,
    Latency,
    Message,
    Predictions,
    Slot,
    SlotsMessage,
    Stats,
    StatusMessage,
    TrialOutcome,
    Window,
    decode,
    encode,
    kind_of,
)
from edge.protocol.record import Record

HEAD: dict[str, Any] = Identity("bäcker-1", "Köln", "3", "b1", "cookie", 2, ("good", "broken")).head(7)
COLUMN = DriftColumn("brightness", "wasserstein", 0.4, None, 0.1, drifted=True)
CAMERA = CameraCounts(
    name="left",
    captured=10,
    decided=9,
    dropped={"late": 1},
    recent_captured=8,
    recent_dropped={},
    rate_fps=29.9,
    latency_us=Latency(100.0, 200.0, 300.0, 400.5, 390.0),
    latency_boot_us=Latency(100.0, 200.0, 300.0, 400.5),
    histogram=Histogram((77, 4, 831, 5), 2000, 400),
    losses=2,
    lost=True,
)
EXAMPLES: list[Message] = [
    StatusMessage(**HEAD, state="online", labels=("good", "n01440764\ttench")),
    Health(
        **HEAD,
        captured=10,
        decided=9,
        dropped={"late": 1},
        latency_us=Latency(100.0, 200.0, 300.0, 400.5, 390.0),
        latency_boot_us=Latency(100.0, 200.0, 300.0, 400.5),
        rate_fps=29.9,
        cameras=(CAMERA,),
        buffer=BufferDepth(5, 4, 4096, 0, 0, 2),
        rss_bytes=1 << 26,
        uptime_s=3.5,
    ),
    Drift(
        **HEAD,
        window=Window(0, 299, 300, 1, 2),
        drifted=True,
        share=0.5,
        columns=(COLUMN,),
        expectations={"black": 2},
        alarms=(DriftAlarm("brightness", 1.5, 0.3, -0.4, 120, False),),
    ),
    Stats(**HEAD, pane={"n": 3, "columns": {"brightness": {"counts": [1, 2], "sum": 0.5}}}),
    EventMessage(
        **HEAD,
        camera="rtsp://***@10.0.0.7/live",
        fault="black",
        active=False,
        since_ns=2**60,
        lasted_s=3.5,
        detail="clear again",
    ),
    SlotsMessage(
        **HEAD,
        active="A",
        trial="B",
        slots=(Slot("A", "cookie", 2, "5f" * 32, "active"), Slot("B", "cookie", 3, "a0" * 32, "trial")),
        outcome=TrialOutcome("cookie", 3, "a0" * 32, "rolled back", "its p99 is 140 ms; at most 100 ms", 1, "r7"),
    ),
    AuditSample(
        **HEAD, record_seq=41, why=("random",), label="good", score=0.75, scores={"good": 0.75}, picture="aGk="
    ),
    Predictions(
        **HEAD, labels=("good", "broken"), records=(Record(7, 1, 2**60, 3, 0.5, 1, 1), Record(9, 2, 3, 4, 1.0, 0, 0))
    ),
]


@pytest.mark.parametrize("message", EXAMPLES, ids=kind_of)
def test_a_message_is_the_same_after_its_journey(message: Message) -> None:
    assert decode(kind_of(message), encode(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=kind_of)
def test_every_message_carries_its_schema_and_key(message: Message) -> None:
    fields = json.loads(encode(message))
    assert [fields[name] for name in ("schema", "device", "boot_id", "seq")] == [1, "bäcker-1", "b1", 7]


@pytest.mark.parametrize("message", EXAMPLES, ids=kind_of)
def test_what_a_newer_device_adds_is_passed_over(message: Message) -> None:
    fields = json.loads(encode(message)) | {"schema": 2, "new": {"deep": [1]}}
    if "records" in fields:
        fields["records"] = [[*row, "new"] for row in fields["records"]]
    read = decode(kind_of(message), json.dumps(fields).encode())
    assert (read.schema, read.seq, type(read)) == (2, 7, type(message))


@given(
    st.lists(
        st.builds(
            Record,
            seq=st.integers(0, 2**63 - 1),
            captured_ns=st.integers(0, 2**63 - 1),
            wall_ns=st.integers(0, 2**63 - 1),
            latency_us=st.integers(0, 2**32 - 1),
            score=st.floats(0, 1, width=32),
            label=st.integers(0, 2**16 - 1),
            flags=st.integers(0, 255),
            camera=st.integers(0, 255),
            part=st.integers(0, 2**32 - 1),
            belt_px=st.integers(0, 2**63 - 1),
        )
    )
)
def test_records_keep_their_numbers(records: list[Record]) -> None:
    message = decode("predictions", encode(Predictions(**HEAD, records=tuple(records))))
    assert isinstance(message, Predictions)
    assert [r._replace(score=0.0) for r in message.records] == [r._replace(score=0.0) for r in records]
    assert all(abs(a.score - b.score) <= 5e-7 for a, b in zip(message.records, records, strict=True))


def test_a_number_that_could_not_be_computed_travels_as_null() -> None:
    column = DriftColumn("hue", "ks", math.nan, math.inf, 0.05, drifted=False)
    payload = encode(Drift(**HEAD, window=Window(0, 1, 2, 3, 4), drifted=False, share=0.0, columns=(column,)))
    read = decode("drift", payload)
    assert isinstance(read, Drift)
    assert (read.columns[0].statistic, read.columns[0].p_value) == (None, None)


def test_a_score_that_is_not_a_number_arrives_as_one_that_is_not() -> None:
    message = decode("predictions", encode(Predictions(**HEAD, records=(Record(0, 0, 0, 0, math.nan, 0, 0),))))
    assert isinstance(message, Predictions)
    assert math.isnan(message.records[0].score)


def test_health_of_an_older_device_is_read() -> None:
    fields = json.loads(encode(next(message for message in EXAMPLES if isinstance(message, Health))))
    for name in ("cameras", "latency_boot_us", "records_lost", "pictures_missed", "cpu_s", "cpu_share"):
        del fields[name]
    del fields["free_bytes"], fields["throttled"], fields["latency_us"]["p999"]
    del fields["buffer"]["evicted_undelivered"], fields["buffer"]["unwritten"]
    read = decode("health", json.dumps(fields).encode())
    assert isinstance(read, Health)
    assert (read.captured, read.cameras, read.latency_us.p999) == (10, (), None)


def with_buckets(buckets: list[int], **changes: Any) -> bytes:
    camera = json.loads(altered("health"))["cameras"][0]
    return altered("health", cameras=[camera | {"histogram": camera["histogram"] | {"buckets": buckets} | changes}])


def altered(kind: str, /, **changes: Any) -> bytes:
    example = next(message for message in EXAMPLES if kind_of(message) == kind)
    return json.dumps(json.loads(encode(example)) | changes).encode()


def record(**changes: Any) -> bytes:
    fields = Record(1, 2, 3, 4, 0.5, 6, 7)._asdict() | changes
    return altered("predictions", records=[list(fields.values())])


HOSTILE = {
    "nothing": ("status", b""),
    "not JSON": ("status", b"online"),
    "not UTF-8": ("status", b'{"device": "\xff"}'),
    "not an object": ("status", b"[1, 2]"),
    "null": ("health", b"null"),
    "unknown kind": ("firmware", b"{}"),
    "nothing in it": ("drift", b"{}"),
    "NaN": ("drift", altered("drift", share=math.nan)),
    "infinity": ("drift", altered("drift", share=math.inf)),
    "a number beyond float": ("drift", altered("drift", share=0.25).replace(b"0.25", b"1e999")),
    "a number beyond 64 bits": ("status", altered("status", seq=2**63)),
    "a number of 5000 digits": ("status", altered("status", seq=31415).replace(b"31415", b"1" * 5000)),
    "a negative seq": ("status", altered("status", seq=-1)),
    "a boolean for a number": ("status", altered("status", seq=True)),
    "text for a number": ("health", altered("health", captured="10")),
    "a list for a table": ("health", altered("health", dropped=[1])),
    "half a bucket": ("health", with_buckets([77])),
    "buckets out of order": ("health", with_buckets([78, 1, 77, 1])),
    "a bucket that there is not": ("health", with_buckets([832, 1])),
    "less than nothing in a bucket": ("health", with_buckets([77, -1])),
    "buckets of another width": ("health", with_buckets([77, 1], per_octave=16)),
    "an unknown state": ("status", altered("status", state="away")),
    "no device": ("status", altered("status", device="")),
    "an endless name": ("status", altered("status", site="x" * 65)),
    "a terminal's escape": ("status", altered("status", site="\x1b[2J")),
    "a line break in a label": ("status", altered("status", labels=["a\nb"])),
    "a lone surrogate": ("status", altered("status", line="\ud800")),
    "a lone surrogate as key": ("stats", altered("stats", pane={"\udfff": 1})),
    "too much": ("stats", altered("stats", pane={"x": "y" * MAX_BYTES})),
    "deep": ("stats", b'{"pane":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "somewhat deep": ("stats", altered("stats", pane=json.loads('{"a":' * 17 + "1" + "}" * 17))),
    "records as table": ("predictions", altered("predictions", records={})),
    "no records": ("predictions", altered("predictions", records=None)),
    "a short record": ("predictions", altered("predictions", records=[[1, 2, 3]])),
    "a record of text": ("predictions", record(label="good")),
    "a record with a fraction": ("predictions", record(wall_ns=1.5)),
    "a negative time": ("predictions", record(captured_ns=-1)),
    "a boolean score": ("predictions", record(score=True)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_message_is_refused_with_one_line(case: str) -> None:
    kind, payload = HOSTILE[case]
    with pytest.raises(MessageError) as caught:
        decode(kind, payload)
    assert str(caught.value).startswith((kind, repr(kind)))
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(kind=st.sampled_from([kind_of(m) for m in EXAMPLES]), changes=st.data())
def test_an_altered_message_is_refused_or_can_be_passed_on(kind: str, changes: st.DataObject) -> None:
    names = sorted(json.loads(altered(kind)))
    payload = altered(kind, **changes.draw(st.dictionaries(st.sampled_from(names), JSON, min_size=1, max_size=3)))
    try:
        message = decode(kind, payload)
    except MessageError:
        return
    again = decode(kind, encode(message))
    assert encode(again) == encode(message)


@given(kind=st.sampled_from([kind_of(m) for m in EXAMPLES]), data=st.binary())
def test_noise_is_refused(kind: str, data: bytes) -> None:
    with pytest.raises(MessageError):
        decode(kind, data)
