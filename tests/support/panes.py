"""Devices with real statistics: panes counted against a real reference, sent as messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.drift import Reference
from edge.drift.encoding.wire import encode_pane
from edge.drift.pane import Pane
from edge.drift.watch.verdict import judge
from edge.monitor import Arrival
from edge.protocol.messages import Drift, DriftColumn, Stats, Window, encode
from edge.protocol.topics import topic

FEATURES = ("brightness", "contrast", "hue")
LABELS = ("good", "broken")
MINUTE_NS = 60 * 10**9
START_NS = 1_700_000_000_000_000_000 // (3600 * 10**9) * (3600 * 10**9)
MODEL = "cookie"
DIGEST = "ab" * 32


def samples(rng: np.random.Generator, n: int, shift: float = 0.0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Features (n, 3), scores (n, 2) and labels (n,); brightness moved by ``shift`` standard deviations."""
    features = rng.normal(size=(n, len(FEATURES))) * (10, 5, 1) + (100 + 10 * shift, 50, 3)
    good = rng.beta(8, 2, size=n)
    return features, np.column_stack([good, 1 - good]), (good < 0.5).astype(int)


def make_reference(seed: int = 0, n: int = 500) -> Reference:
    return Reference.fit(*samples(np.random.default_rng(seed), n), LABELS, FEATURES)


def count(reference: Reference, data: tuple[NDArray[Any], NDArray[Any], NDArray[Any]], first: int = 0) -> Pane:
    pane = Pane(reference, DIGEST)
    for i, (features, scores, label) in enumerate(zip(*data, strict=True)):
        pane.add(features, scores, int(label), first + i)
    return pane


def window(device: str, seq: int, pane: Pane, **changes: Any) -> list[Arrival]:
    """The verdict and the statistics of one window, a minute each."""
    head = {"device": device, "boot_id": "b1", "seq": seq, "model": MODEL, "model_version": 4, "site": "Köln"}
    start_ns = changes.pop("start_ns", START_NS + seq * MINUTE_NS)
    head |= changes
    verdict = judge(pane, alpha=0.001)
    columns = tuple(
        DriftColumn(c.name, c.test, c.statistic, c.p_value, c.threshold, c.drifted) for c in verdict.columns
    )
    span = Window(pane.first_seq, pane.last_seq, pane.n, start_ns, start_ns + MINUTE_NS - 1)
    drift = Drift(
        **head,
        camera="c",
        window=span,
        drifted=verdict.drifted,
        share=verdict.share,
        columns=columns,  # type: ignore[arg-type]
    )
    stats = Stats(**head, camera="c", pane=encode_pane(pane))  # type: ignore[arg-type]
    received_ns = start_ns + MINUTE_NS
    return [
        Arrival(topic("edge", device, kind, str(head["model"])), encode(message), received_ns)
        for kind, message in (("drift", drift), ("stats", stats))
    ]
