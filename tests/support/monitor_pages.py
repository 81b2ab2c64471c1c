"""What the tests of the pages need: messages as devices send them, and a client of the pages."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np

from edge.drift import Pane, Reference, WindowVerdict, judge
from edge.drift.encoding.wire import encode_pane
from edge.monitor import Arrival
from edge.protocol.messages import (
    BufferDepth,
    CameraCounts,
    Drift,
    DriftColumn,
    GateState,
    Health,
    Histogram,
    Identity,
    Latency,
    Message,
    Stats,
    Window,
    encode,
    kind_of,
)
from edge.protocol.topics import PER_MODEL, topic

MINUTE_NS = 60 * 10**9
TOKEN = "a-token-of-24-characters"
PARTS = 200
"""In a window."""


def arrival(message: Message, received_ns: int | None = None) -> Arrival:
    kind = kind_of(message)
    address = topic("edge", message.device, kind, message.model if kind in PER_MODEL else "")
    return Arrival(address, encode(message), received_ns or time.time_ns())


def head(device: str, seq: int, site: str = "bakery", line: str = "line 1", version: int = 1) -> dict[str, Any]:
    return Identity(device, site, line, "boot-1", "cookie", version, ("red", "green", "blue")).head(seq)


def health(device: str, seq: int, version: int = 1, **changes: Any) -> Health:
    latency = Latency(p50=5000, p90=8000, p99=12000, max=20000)
    camera = CameraCounts(
        name="front",
        captured=1010,
        decided=1000,
        dropped={"late": 10},
        recent_captured=101,
        recent_dropped={"late": 1},
        rate_fps=10.0,
        latency_us=latency,
        latency_boot_us=latency,
        histogram=Histogram((236, 600, 240, 390, 300, 10), sum_us=6_000_000, max_us=20_000),
    )
    values: dict[str, Any] = {
        "captured": 1010,
        "decided": 1000,
        "dropped": {"late": 10},
        "latency_us": latency,
        "rate_fps": 10.0,
        "buffer": BufferDepth(10, 3, 1 << 20, 0),
        "rss_bytes": 120_000_000,
        "uptime_s": 7500.0,
        "temperature_c": 61.5,
        "cameras": (camera,),
        "gate": GateState({"rejected": 7, "passed": 993}, (1, 5, 994), (0, 20)),
    }
    return Health(**head(device, seq, version=version), **values | changes)


class Judged(NamedTuple):
    """A window's parts, counted and judged."""

    verdict: WindowVerdict
    pane: dict[str, Any]


@dataclass
class Line:
    """What devices with this reference send, window by window; they share a few windows, which saves time."""

    reference: Reference
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))
    known: dict[tuple[float, int], Judged] = field(default_factory=dict)

    def window(
        self, device: str, seq: int, start_ns: int, darker: float = 0.0, which: int = 0, **place: Any
    ) -> list[Arrival]:
        """PARTS parts; ``darker`` is in deviations of the reference's brightness."""
        judged = self.known.get((darker, which)) or self.known.setdefault((darker, which), self._draw(darker))
        verdict, first, last = judged.verdict, seq * PARTS, (seq + 1) * PARTS - 1
        told = tuple(
            DriftColumn(c.name, c.test, c.statistic, c.p_value, c.threshold, c.drifted) for c in verdict.columns
        )
        top = head(device, seq, **place) | {"camera": "front"}
        drift = Drift(
            **top,
            window=Window(first, last, PARTS, start_ns, start_ns + MINUTE_NS),
            drifted=verdict.drifted,
            share=verdict.share,
            kind=verdict.kind or "",
            columns=told,
            expectations=verdict.expectations,
        )
        stats = Stats(**top, pane=judged.pane | {"first_seq": first, "last_seq": last})
        return [arrival(one, start_ns + MINUTE_NS) for one in (drift, stats)]

    def _draw(self, darker: float) -> Judged:
        columns, size = self.reference.columns, len(self.reference.features)
        rows = np.column_stack([self.rng.choice(column.values, PARTS) for column in columns])
        rows[:, 0] -= darker * columns[0].std
        shares = np.array(self.reference.classes) / sum(self.reference.classes)
        labels = self.rng.choice(len(shares), PARTS, p=shares).tolist()
        pane = Pane(self.reference)
        for part, (row, label) in enumerate(zip(rows, labels, strict=True)):
            pane.add(row[:size], row[size:], label, part)
        return Judged(judge(pane, alpha=0.001), encode_pane(pane))


@dataclass
class Site:
    """The pages at a real address."""

    url: str

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rsplit(":", 1)[1])

    def ask(
        self, path: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers with names in lower case, body."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            body = urlencode(form) if form is not None else None
            connection.request("GET" if form is None else "POST", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()

    def get(self, path: str) -> str:
        status, _, text = self.ask(path)
        assert status == 200, text
        return text

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))
