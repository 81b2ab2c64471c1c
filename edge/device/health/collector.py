"""Looks at everything that counts, and says how the device is."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from edge.core.guard import DEATHS, Deaths
from edge.core.histogram import Distribution
from edge.core.memory import resident_bytes
from edge.device.buffer import Buffer
from edge.device.health.camera_view import RATE_S, RECENT_S, STEP_S, CameraRates, CameraView
from edge.device.health.problems import find_problems
from edge.device.health.sliding import SlidingCounts
from edge.device.health.snapshot import DriftState, Snapshot
from edge.device.health.system import free_bytes, temperature_c, throttled
from edge.device.sync import Sync
from edge.gates import EDGES_MS, Gate
from edge.protocol.latency import latency
from edge.protocol.messages import BufferDepth, CameraCounts, Drift, GateState, Health, Identity, SlotsMessage

BUFFER_S = 5.0
"""Seconds between two questions to the database: counting its rows reads from the disk."""


class RecordCounts(Protocol):
    """:class:`edge.device.pipeline.Intake`."""

    lost: int
    without_picture: int


class HealthCollector:
    """Used by the thread that writes the buffer; :attr:`latest` is for any thread.

    It reads what other threads count and stops none of them. ``lanes`` are the cameras, mostly one.
    """

    def __init__(
        self,
        identity: Identity,
        lanes: Sequence[CameraView],
        intake: RecordCounts,
        buffer: Buffer,
        sync: Sync | None = None,
        gate: Gate | None = None,
        deaths: Deaths = DEATHS,
    ) -> None:
        now_s = time.monotonic()
        self._identity, self._intake, self._buffer, self._sync = identity, intake, buffer, sync
        self._gate, self._deaths = gate, deaths
        self._views = [CameraRates(lane, now_s) for lane in lanes]
        self._looks = self._messages = 0
        self._started_s = now_s
        self._drift: DriftState | None = None
        self._depth, self._next_depth_s = BufferDepth(0, 0, 0, 0), now_s
        self._buffer_lost = 0
        self._look_at_buffer(now_s)
        self._history = SlidingCounts(self._sample(now_s), span_s=RECENT_S, step_s=STEP_S)
        self._slots: SlotsMessage | None = None
        """The model slots, as they were told last. Any thread may set it."""
        self.latest = self.look()
        """The last look; a new object each time, and never changed."""

    def watches_drift(self) -> None:
        """Notes that drift windows are to come; to be called once."""
        self._drift = self._drift or DriftState()

    def follow(self, identity: Identity) -> None:
        """Another model judges from now on."""
        self._identity = identity

    def note_slots(self, message: SlotsMessage) -> None:
        """Shows the slots from now on as ``message`` has them. Any thread may call it."""
        self._slots = message

    def note(self, drift: Drift) -> None:
        """A window was judged."""
        before = self._drift or DriftState()
        self._drift = DriftState(
            windows=before.windows + 1,
            drifted_windows=before.drifted_windows + drift.drifted,
            number=drift.seq,
            drifted=drift.drifted,
            columns=tuple(column.name for column in drift.columns if column.drifted),
            end_ns=drift.window.end_ns,
        )

    def message(self) -> Health:
        """For the broker: a fresh look, whose ``seq`` counts the messages and not the looks."""
        self._messages += 1
        return replace(self.look().health, seq=self._messages - 1)

    def look(self) -> Snapshot:
        """Takes well under a millisecond, but for the buffer's figures every BUFFER_S."""
        now_s = time.monotonic()
        self._look_at_buffer(now_s)
        sample = self._sample(now_s)
        self._history.add(sample)
        health = self._health(now_s, sample)
        recent = self._history.before(now_s, RECENT_S)
        problems = find_problems(
            health,
            evicted_recently=sample.evicted_undelivered - recent.evicted_undelivered,
            lost_recently=sample.lost - recent.lost,
            buffer_trouble=self._buffer.trouble,
            deaths=self._deaths.problems(),
        )
        self.latest = Snapshot(
            health=health,
            problems=tuple(problems),
            pid=os.getpid(),
            at_s=now_s,
            wall_ns=time.time_ns(),
            drift=self._drift,
            sync=self._sync.state if self._sync is not None else None,
            slots=self._slots,
        )
        return self.latest

    def _health(self, now_s: float, sample: _Sample) -> Health:
        cameras = tuple(view.look(now_s) for view in self._views)
        before = self._history.before(now_s, RATE_S)
        self._looks += 1
        return Health(
            **self._identity.head(self._looks - 1),
            captured=sum(camera.captured for camera in cameras),
            decided=sum(camera.decided for camera in cameras),
            judged=sum(camera.judged for camera in cameras),
            dropped=_dropped(cameras),
            latency_us=latency(sum((view.recent(now_s) for view in self._views), Distribution.empty())),
            latency_boot_us=latency(sum((view.sample.latency for view in self._views), Distribution.empty())),
            rate_fps=round(sum(camera.rate_fps for camera in cameras), 3),
            cameras=cameras,
            buffer=self._depth_now(cameras, sample),
            records_lost=sample.lost,
            pictures_missed=self._intake.without_picture,
            uptime_s=round(now_s - self._started_s, 3),
            rss_bytes=resident_bytes(),
            temperature_c=temperature_c(),
            cpu_s=round(sample.cpu_s, 3),
            cpu_share=round((sample.cpu_s - before.cpu_s) / max(now_s - before.at_s, 1e-9), 3),
            free_bytes=free_bytes(self._buffer.path.parent),
            throttled=throttled(),
            gate=_gate_state(self._gate) if self._gate is not None else None,
        )

    def _look_at_buffer(self, now_s: float) -> None:
        if now_s < self._next_depth_s:
            return
        self._next_depth_s = now_s + BUFFER_S
        try:
            state = self._buffer.state()
        except sqlite3.Error:
            return  # a disk that fails; the buffer itself says so
        self._depth = BufferDepth(
            state.entries,
            state.pending,
            state.bytes,
            state.evicted,
            state.evicted_undelivered,
            written_mb_per_day=None if state.written_per_day is None else round(state.written_per_day / 1e6, 1),
        )
        self._buffer_lost = state.lost

    def _depth_now(self, cameras: Sequence[CameraCounts], sample: _Sample) -> BufferDepth:
        judged = sum(camera.judged for camera in cameras)
        return replace(self._depth, unwritten=max(0, judged - sample.lost - self._buffer.committed))

    def _sample(self, now_s: float) -> _Sample:
        lost = self._intake.lost + self._buffer_lost
        return _Sample(now_s, self._depth.evicted_undelivered, lost, time.process_time())


class _Sample(NamedTuple):
    at_s: float
    evicted_undelivered: int
    lost: int
    cpu_s: float


def _gate_state(gate: Gate) -> GateState:
    return GateState(gate.counters(), gate.slack.snapshot().counts, EDGES_MS, *gate.condition())


def _dropped(cameras: Sequence[CameraCounts]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for camera in cameras:
        total.update(camera.dropped)
    return dict(total)
