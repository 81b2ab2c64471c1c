"""A snapshot of a line that has seen something of everything."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.core.histogram import LatencyHistogram
from edge.device.health.camera_view import CameraRates, CameraView
from edge.device.health.snapshot import DriftState, Snapshot
from edge.device.pipeline import Accounts
from edge.device.sync import SyncState
from edge.gates import EDGES_MS
from edge.protocol.messages import BufferDepth, CameraCounts, GateState, Health, Identity

IDENTITY = Identity("line-1", "koeln", "3", "000002-abcdef", "cookie", 2, ("good", "broken"))
GATE = GateState(
    {"rejected": 12, "passed": 88, "fired": 9, "missed": 2, "missed_late": 2, "late": 3, "connected": 1},
    (2, 0, 0, 0, 0, 0, 0, 8, 90, 0, 0, 0, 0, 0, 0, 0),
    EDGES_MS,
    firmware="1.2.3",
    boots=4,
)


def _camera(name: str, decided: int) -> CameraCounts:
    accounts, histogram = Accounts(), LatencyHistogram()
    view = CameraRates(CameraView(name, accounts, histogram), 0.0)
    for number in range(decided):
        histogram.add(3000 + 17 * number % 9000)
    accounts.captured, accounts.decided, accounts.dropped["overrun"] = decided + 2, decided, 2
    return view.look(10.0)


@pytest.fixture
def make_snapshot() -> Callable[..., Snapshot]:
    """``make_snapshot(problems=("…",), rss_bytes=1)``: fields of the snapshot, or of its health."""

    def make(**changes: Any) -> Snapshot:
        cameras = (_camera("left", 500), _camera("right", 20))
        health = Health(
            **IDENTITY.head(4),
            captured=524,
            decided=520,
            dropped={"overrun": 4},
            latency_us=cameras[0].latency_us,
            latency_boot_us=cameras[0].latency_boot_us,
            rate_fps=52.0,
            cameras=cameras,
            buffer=BufferDepth(7, 3, 123_456, 50, 20, 6),
            rss_bytes=100 << 20,
            uptime_s=93_784.5,
            temperature_c=48.3,
            records_lost=1,
            pictures_missed=2,
            cpu_s=12.5,
            cpu_share=0.25,
            free_bytes=5 << 30,
            throttled=(),
            gate=GATE,
        )
        whole = {name: changes.pop(name) for name in ("problems", "drift", "sync", "at_s") if name in changes}
        snapshot = Snapshot(
            health=replace(health, **changes),
            problems=(),
            pid=os.getpid(),
            at_s=time.monotonic(),
            wall_ns=1_700_000_000_000_000_000,
            drift=DriftState(9, 2, 8, True, ("brightness", "hue"), 1_700_000_000_000_000_000),
            sync=SyncState(connected=True, published=12, acknowledged=11, refused=1, unheard=2),
        )
        return replace(snapshot, **whole)

    return make


@pytest.fixture
def snapshot(make_snapshot: Callable[..., Snapshot]) -> Snapshot:
    return make_snapshot()
