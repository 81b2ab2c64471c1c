"""The schemas say what the decoder takes; old and new readers understand each other."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import edge.protocol.schemas
from edge.errors import MessageError
from edge.monitor import Arrival, Store
from edge.protocol.messages import (
    KINDS,
    AuditSample,
    BufferDepth,
    CameraCounts,
    Drift,
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
from edge.protocol.schemas import document
from edge.protocol.topics import PER_MODEL, topic

HEAD: dict[str, Any] = Identity("oven-3", "Köln", "2", "b1", "cookie", 4, ("good", "broken")).head(0)
LATENCY = Latency(1.0, 2.0, 3.0, 4.0, 5.0)
CAMERA = CameraCounts(
    name="0",
    captured=3,
    decided=2,
    dropped={"late": 1},
    recent_captured=3,
    recent_dropped={},
    rate_fps=30.0,
    latency_us=LATENCY,
    latency_boot_us=LATENCY,
    histogram=Histogram((7, 2), 14, 7),
)
EXAMPLES: list[Message] = [
    StatusMessage(**HEAD, state="online", labels=("good", "broken")),
    Health(
        **HEAD,
        captured=3,
        decided=2,
        dropped={"late": 1},
        latency_us=LATENCY,
        rate_fps=30.0,
        buffer=BufferDepth(1, 2, 3, 4),
        rss_bytes=5,
        uptime_s=6.0,
        cameras=(CAMERA,),
    ),
    Drift(
        **HEAD,
        window=Window(0, 1, 2, 3, 4),
        drifted=True,
        share=0.5,
        columns=(DriftColumn("hue", "ks", None, 0.1, 0.2, drifted=True),),
        expectations={"range": 1},
    ),
    Stats(**HEAD, pane={"n": 1}),
    Predictions(**HEAD, labels=("good",), records=(Record(0, 1, 2, 3, 0.5, 0, 1), Record(1, 1, 2, 3, 0.25, 0, 1))),
    EventMessage(**HEAD, camera="camera://0", fault="black", active=True, since_ns=1),
    SlotsMessage(
        **HEAD,
        active="A",
        trial="B",
        slots=(Slot("A", "cookie", 2, "5f" * 32, "active"), Slot("B", "cookie", 3, "a0" * 32, "trial")),
        outcome=TrialOutcome("cookie", 3, "a0" * 32, "rolled back", "its p99 is 140 ms; at most 100 ms", 1, "r7"),
    ),
    AuditSample(**HEAD, request="7f", record_seq=3, label="good", score=0.5, scores={"good": 0.5}),
]


def schema(kind: str) -> Any:
    return document()["components"]["schemas"][kind]


def fields_of(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(message))
    return found


def arrival(kind: str, fields: dict[str, Any]) -> Arrival:
    return Arrival(topic("edge", "oven-3", kind, "cookie" if kind in PER_MODEL else ""), json.dumps(fields).encode())


def test_the_document_in_the_package_is_that_of_the_types() -> None:
    shipped = Path(edge.protocol.schemas.__file__).with_name("asyncapi.json")
    assert json.loads(shipped.read_text("utf-8")) == document(), (
        "python -m edge.protocol.schemas > edge/protocol/schemas/asyncapi.json"
    )


def test_there_is_an_example_of_every_kind_and_every_reference_leads_somewhere() -> None:
    assert {kind_of(example) for example in EXAMPLES} == set(KINDS)
    whole = document()
    for reference in references(whole):
        node: Any = whole
        for key in reference.removeprefix("#/").split("/"):
            node = node[key]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)


@pytest.mark.parametrize("kind", KINDS)
def test_every_schema_is_one(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("message", EXAMPLES, ids=kind_of)
def test_what_is_encoded_fits_its_schema_and_is_decoded(message: Message) -> None:
    fields = fields_of(message)
    jsonschema.validate(fields, schema(kind_of(message)), jsonschema.Draft202012Validator)
    assert decode(kind_of(message), encode(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=kind_of)
def test_what_the_schema_refuses_the_decoder_refuses_too(message: Message) -> None:
    """Not the other way round: the decoder also looks for control characters, depth and numbers that add up."""
    kind, chance, refused = kind_of(message), random.Random(4), 0
    validator = jsonschema.Draft202012Validator(schema(kind))
    for _ in range(300):
        fields = fields_of(message)
        where: Any = fields
        while (inner := [v for v in (where.values() if isinstance(where, dict) else where) if v and is_node(v)]) and (
            chance.random() < 0.5
        ):
            where = chance.choice(inner)
        key = chance.choice(list(where) if isinstance(where, dict) else list(range(len(where))))
        where[key] = chance.choice([None, -1, "text", [], {}, True, 1.5])
        if not validator.is_valid(fields):
            refused += 1
            with pytest.raises(MessageError):
                decode(kind, json.dumps(fields).encode())
    assert refused > 50


def is_node(value: Any) -> bool:
    return isinstance(value, dict | list)


def newer(node: Any) -> Any:
    """As a later version sends it: keys that nobody knows yet, at every depth, and longer records."""
    if isinstance(node, dict):
        return {"unheard_of": {"deep": [1, "x"]}} | {key: newer(child) for key, child in node.items()} | {"zz": None}
    if isinstance(node, list) and node and isinstance(node[0], list):
        return [[*row, 7, "new"] for row in node]
    return [newer(item) for item in node] if isinstance(node, list) else node


COUNTED = {"dropped", "recent_dropped", "expectations", "scores", "pane"}
"""Whose keys are data, not fields."""


def cleaned(node: Any, name: str = "") -> Any:
    if isinstance(node, dict):
        skip = {"unheard_of", "zz"} if name in COUNTED else set()
        return {key: cleaned(child, key) for key, child in node.items() if key not in skip}
    return [cleaned(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("message", EXAMPLES, ids=kind_of)
def test_an_old_monitor_reads_a_newer_device(message: Message) -> None:
    kind = kind_of(message)
    fields = cleaned(newer(fields_of(message))) | {"schema": 2}
    jsonschema.validate(fields, schema(kind), jsonschema.Draft202012Validator)
    store = Store()
    (read,) = store.accept([arrival(kind, fields)])
    assert store.set_aside() == {}
    assert fields_of(read) | {"schema": 1} == fields_of(message)
    store.close()


@pytest.mark.parametrize("message", EXAMPLES, ids=kind_of)
def test_a_new_monitor_reads_an_old_device_that_sends_only_what_is_required(message: Message) -> None:
    kind = kind_of(message)
    fields = required_only(fields_of(message), schema(kind))
    if kind == "predictions":
        fields["records"] = fields_of(message)["records"]
    store = Store()
    assert len(store.accept([arrival(kind, fields | {"model": "cookie"})])) == 1
    store.close()


def required_only(fields: Any, of: Any) -> Any:
    if isinstance(fields, dict) and "required" in of:
        return {key: required_only(fields[key], of["properties"][key]) for key in of["required"]}
    return fields
