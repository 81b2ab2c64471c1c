"""What somebody might send who wishes a monitor ill, or whose program is broken: an endless, repeatable stream."""

from __future__ import annotations

import base64
import copy
import json
import random
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.monitor import Arrival
from edge.protocol.messages import (
    AuditSample,
    BufferDepth,
    EventMessage,
    Health,
    Identity,
    Latency,
    Message,
    Predictions,
    StatusMessage,
    encode,
    kind_of,
)
from edge.protocol.record import Record
from edge.protocol.topics import PER_MODEL, topic
from tests.support.panes import START_NS, count, make_reference, samples, window

DEVICES = ("oven-1", "oven-2", "oven-3")
IDENTITY = Identity("oven-1", "Köln", "2", "b1", "cookie", 4, ("good", "broken"))
NAMES = (
    "'; DROP TABLE device; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "%s%n{0}{{7*7}}${7*7}",
    "\u202egnp.exe",
    "\x00",
    "\x1b[2J",
    "\ud800",
    "𝕏" * 70,
    "",
    "@group",
    "$SYS",
    "oven-2",
)
NUMBERS = (0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**400, 1e308, -1e308, 5e-324, 0.1)
VALUES: tuple[Any, ...] = (*NAMES, *NUMBERS, None, True, [], {}, [[]], {"a": {"b": []}}, [1] * 500, "9" * 5000)
BOMB = base64.b64encode(zlib.compress(b"\0" * 50_000_000, 9)).decode()
PIECES = (
    b"1e999",
    b"-1",
    b"null",
    b'"',
    b"[[[",
    b"\\ud800",
    b"NaN",
    b"Infinity",
    b"9" * 40,
    b"\x00",
    b"\xff\xfe",
    b"//",
)


def stream(seed: int) -> Iterator[Arrival]:
    """Good messages among them: they must be kept."""
    chance, good = random.Random(seed), _good(seed)
    ways = (_as_it_is, _with_other_values, _with_other_bytes, _on_another_topic, _noise)
    while True:
        yield chance.choices(ways, (2, 5, 4, 2, 1))[0](chance.choice(good), chance)


def _as_it_is(arrival: Arrival, _chance: random.Random) -> Arrival:
    """Replayed, or out of order."""
    return arrival


def _with_other_values(arrival: Arrival, chance: random.Random) -> Arrival:
    fields = json.loads(arrival.payload)
    for _ in range(chance.randrange(1, 4)):
        _change(fields, chance)
    text = json.dumps(fields, ensure_ascii=chance.random() < 0.5)
    return Arrival(arrival.topic, text.encode("utf-8", "surrogatepass"), arrival.received_ns)


def _with_other_bytes(arrival: Arrival, chance: random.Random) -> Arrival:
    data = bytearray(arrival.payload)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0 if at < len(data):
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(20)]
            case 2:
                data[at:at] = chance.choice(PIECES)
            case 3:
                data += data[at:]
            case 4:
                del data[at:]
    return Arrival(arrival.topic, bytes(data), arrival.received_ns)


def _on_another_topic(arrival: Arrival, chance: random.Random) -> Arrival:
    """For another device, of another kind, or for nobody."""
    levels = arrival.topic.split("/")
    at = chance.randrange(len(levels))
    levels[at] = chance.choice((*DEVICES, *NAMES, "drift", "status", "stats", "cmd", "v2", "+", "#", "$share"))
    if chance.random() < 0.2:
        del levels[chance.randrange(len(levels))]
    return Arrival("/".join(levels), arrival.payload, arrival.received_ns)


def _noise(arrival: Arrival, chance: random.Random) -> Arrival:
    deep = chance.randrange(1, 5000)
    payload = chance.choice((b"", b"[" * deep, b'{"a":' * deep, b"{}", b"[]", b"null", chance.randbytes(200)))
    return Arrival(arrival.topic, payload, arrival.received_ns)


def _change(value: Any, chance: random.Random) -> None:
    """One value somewhere in it becomes another, or goes, or is added."""
    while isinstance(value, dict | list) and value:
        key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        inner = value[key]
        if not (isinstance(inner, dict | list) and inner) or chance.random() < 0.3:
            if chance.random() < 0.15:
                del value[key]
            elif key == "counts":
                value[key] = chance.choice((BOMB, "", "AAAA", "é", inner[: len(inner) // 2]))
            else:
                value[key] = copy.deepcopy(chance.choice(VALUES))
            return
        value = inner


def _good(seed: int) -> list[Arrival]:
    rng, reference = np.random.default_rng(seed), make_reference()
    found: list[Arrival] = []
    for device in DEVICES:
        for seq in range(3):
            found += window(device, seq, count(reference, samples(rng, 30), seq * 100))
            found += [_arrival(message) for message in _messages(device, seq)]
    return found


def _messages(device: str, seq: int) -> Iterator[Message]:
    head: dict[str, Any] = IDENTITY.head(seq) | {"device": device}
    depth, latency = BufferDepth(1, 2, 3, 4), Latency(1, 2, 3, 4)
    counts: dict[str, Any] = {"captured": 3, "decided": 2, "dropped": {"late": 1, "unreadable": 2}, "rss_bytes": 1}
    yield StatusMessage(**head, state="online", labels=IDENTITY.labels)
    yield Health(**head, **counts, latency_us=latency, rate_fps=30.0, buffer=depth, uptime_s=1.0)
    yield EventMessage(**head, camera="c", fault="frozen", active=True, since_ns=START_NS)
    yield AuditSample(**head, record_seq=seq, why=("random",), scores={"good": 0.5})
    records = tuple(Record(n, n, n, 5, 0.5, 0, 0) for n in range(seq * 10, seq * 10 + 10))
    yield Predictions(**head, labels=IDENTITY.labels, records=records)


def _arrival(message: Message) -> Arrival:
    kind = kind_of(message)
    address = topic("edge", message.device, kind, message.model if kind in PER_MODEL else "")
    return Arrival(address, encode(message), START_NS)
