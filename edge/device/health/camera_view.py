"""One camera's lane: what its pipeline counts, seen since the boot and over the last seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from edge.core.histogram import Distribution, LatencyHistogram
from edge.device.health.sliding import SlidingCounts
from edge.protocol.latency import latency, to_message
from edge.protocol.messages import CameraCounts

RECENT_S = 60.0
"""The sliding view of latencies and drops."""
RATE_S = 10.0
STEP_S = 5.0
"""Seconds that a sliding view may be longer than it says."""


class FrameCounts(Protocol):
    """:class:`edge.device.pipeline.Accounts`."""

    captured: int
    decided: int
    judged: int
    parts_lost: int

    @property
    def dropped(self) -> Mapping[Any, int]: ...


class OutageSource(Protocol):
    """:class:`edge.inference.frames.Reopening`."""

    @property
    def losses(self) -> int: ...

    @property
    def lost(self) -> bool: ...

    @property
    def missed(self) -> int: ...


def no_faults() -> tuple[str, ...]:
    """For a source that nobody watches over."""
    return ()


@dataclass(frozen=True, slots=True)
class CameraView:
    """Counters of one camera. Other threads write it; nobody waits for anybody."""

    name: str
    accounts: FrameCounts
    latency: LatencyHistogram
    camera: OutageSource | None = None
    faults: Callable[[], tuple[str, ...]] = no_faults
    """:meth:`edge.device.health.camera_health.CameraHealth.faults`."""


class CameraSample(NamedTuple):
    """A lane at one moment."""

    at_s: float
    captured: int
    decided: int
    dropped: Counter[str]
    latency: Distribution


class CameraRates:
    """Looks at a lane from time to time, and remembers what it needs for the last minute. Used by one thread."""

    def __init__(self, lane: CameraView, now_s: float) -> None:
        self.lane = lane
        self.sample = _take(lane, now_s)
        self._history = SlidingCounts(self.sample, span_s=RECENT_S, step_s=STEP_S)

    def look(self, now_s: float) -> CameraCounts:
        self.sample = sample = _take(self.lane, now_s)
        self._history.add(sample)
        recent = self._history.before(now_s, RECENT_S)
        camera = self.lane.camera
        return CameraCounts(
            name=self.lane.name,
            captured=sample.captured,
            decided=sample.decided,
            judged=self.lane.accounts.judged,
            parts_lost=self.lane.accounts.parts_lost,
            dropped=dict(+sample.dropped),
            recent_captured=sample.captured - recent.captured,
            recent_dropped=dict(sample.dropped - recent.dropped),
            rate_fps=round(self.rate_fps(now_s), 3),
            latency_us=latency(self.recent(now_s)),
            latency_boot_us=latency(sample.latency),
            histogram=to_message(sample.latency),
            losses=camera.losses if camera is not None else 0,
            lost=camera.lost if camera is not None else False,
            missed=camera.missed if camera is not None else 0,
            faults=self.lane.faults(),
        )

    def recent(self, now_s: float) -> Distribution:
        """The latencies of the last minute."""
        return self.sample.latency - self._history.before(now_s, RECENT_S).latency

    def rate_fps(self, now_s: float) -> float:
        before = self._history.before(now_s, RATE_S)
        return (self.sample.decided - before.decided) / max(now_s - before.at_s, 1e-9)


def _take(lane: CameraView, now_s: float) -> CameraSample:
    # In this order, so that decided and dropped are never more than captured. The copy of the counter is one step of
    # the interpreter: no new reason can come between.
    decided, latencies = lane.accounts.decided, lane.latency.copy()
    dropped = dict(lane.accounts.dropped)
    return CameraSample(now_s, lane.accounts.captured, decided, Counter(dropped), latencies)
