"""What ten thousand devices send, from one process over a few connections: real messages with other names in them.

``python -m tests.bench.load PORT DEVICES SECONDS EVERY_S``: a verdict, its statistics and health of each device every
EVERY_S seconds, evenly; at the end one JSON object with how many the broker took of each kind.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.core.histogram import LatencyHistogram
from edge.drift import FEATURES, Reference
from edge.drift.encoding.wire import encode_pane
from edge.drift.pane import Pane
from edge.drift.watch.verdict import judge
from edge.protocol.latency import to_message
from edge.protocol.messages import (
    BufferDepth,
    CameraCounts,
    Drift,
    DriftColumn,
    Health,
    Latency,
    Message,
    Stats,
    Window,
    encode,
)

CONNECTIONS = 10
NAME, SEQ, SENT_NS = "DEVICE-NAME", 123_454_321, 1_717_171_717_171_717_171
"""Stand-ins in the templates."""
LABELS = ("good", "broken", "burnt")


def main(port: int, devices: int, seconds: float, every_s: float) -> None:
    clients = [_connected(port, number) for number in range(CONNECTIONS)]
    templates = {kind: encode(message) for kind, message in messages()}
    sent: Counter[str] = Counter()
    began = time.monotonic()
    for tick, number in enumerate(itertools.cycle(range(devices))):
        due = began + tick * every_s / devices
        if due - began >= seconds:
            break
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        device = f"oven-{number:05d}"
        for kind, template in templates.items():
            topic = f"edge/v1/{device}/{kind}" + ("/cookie" if kind != "health" else "")
            payload = filled(template, device, tick // devices, time.time_ns())
            clients[number % CONNECTIONS].publish(topic, payload, 1)
            sent[kind] += 1
    for client in clients:
        _drain(client)
    sys.stdout.write(json.dumps(sent) + "\n")


def filled(template: bytes, device: str, seq: int, at_ns: int) -> bytes:
    payload = template.replace(NAME.encode(), device.encode()).replace(b"%d" % SEQ, b"%d" % seq)
    return payload.replace(b"%d" % SENT_NS, b"%d" % at_ns)


def _connected(port: int, number: int) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, f"load-{number}", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _drain(client: Client) -> None:
    deadline = time.monotonic() + 60
    while client._out_messages and time.monotonic() < deadline:  # paho tells it nowhere else
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()


def messages() -> Iterator[tuple[str, Message]]:
    """By kind, with the stand-ins in them."""
    pane = real_pane()
    verdict = judge(pane, alpha=0.001)
    head = {"device": NAME, "boot_id": "000001-abcdef", "seq": SEQ, "site": "Köln", "line": "2", "model": "cookie"}
    columns = tuple(
        DriftColumn(c.name, c.test, c.statistic, c.p_value, c.threshold, c.drifted) for c in verdict.columns
    )
    window = Window(0, 199, 200, SENT_NS, SENT_NS)
    yield (
        "drift",
        Drift(
            **head, window=window, drifted=False, share=0.0, columns=columns, expectations=dict(verdict.expectations)
        ),
    )  # type: ignore[arg-type]
    yield "stats", Stats(**head, pane=encode_pane(pane))  # type: ignore[arg-type]
    latency = Latency(8000, 9000, 12_345, 20_000, 15_000)
    spread = LatencyHistogram()
    for value in np.random.default_rng(0).gamma(20, 400, 5000):
        spread.add(int(value))
    camera = CameraCounts(
        name="camera://0",
        captured=5000,
        decided=4990,
        dropped={"late": 10},
        recent_captured=300,
        recent_dropped={},
        rate_fps=5.0,
        latency_us=latency,
        latency_boot_us=latency,
        histogram=to_message(spread.copy()),
    )
    yield (
        "health",
        Health(
            **head,
            captured=5000,
            decided=4990,
            dropped={"late": 10},
            latency_us=latency,
            rate_fps=5.0,
            buffer=BufferDepth(10, 4, 4096, 0),
            rss_bytes=10**8,
            uptime_s=1000.0,
            temperature_c=51.5,
            cameras=(camera,),
        ),
    )  # type: ignore[arg-type]


def real_pane() -> Pane:
    """Two hundred samples against a reference of a thousand."""
    rng, n = np.random.default_rng(1), 1000
    names = tuple(FEATURES)
    values = rng.normal(100, 10, (n + 200, len(names)))
    scores, classes = rng.dirichlet(np.ones(3), n + 200), rng.integers(0, 3, n + 200)
    pane = Pane(Reference.fit(values[:n], scores[:n], classes[:n], LABELS, names), "ab" * 32)
    for i in range(200):
        pane.add(values[n + i], scores[n + i], int(classes[n + i]), i)
    return pane


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
