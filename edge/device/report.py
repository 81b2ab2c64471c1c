"""The closing account of a line: what came in, what was judged, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.device.assembly import CameraLane
from edge.device.buffer import Buffer
from edge.device.health import Distribution
from edge.device.pipeline import Accounts, Intake, total
from edge.device.recorder import Recorder
from edge.gates import Gate
from edge.protocol.latency import SHARES
from edge.protocol.messages import Identity


@dataclass(frozen=True, slots=True)
class CameraReport:
    """One camera's closing account: ``captured == decided + sum(dropped.values())``."""

    name: str
    captured: int
    decided: int
    dropped: dict[str, int]
    judged: int
    """Parts judged."""
    parts_lost: int
    """Parts that went out of sight before they could be judged."""
    losses: int
    """Number of times that the camera was lost and found again."""


@dataclass(frozen=True, slots=True)
class LineReport:
    """The line's closing account, of all cameras together and of each.

    ``captured == decided + sum(dropped.values())`` counts frames, ``buffered == judged - lost`` records.
    """

    device: str
    boot_id: str
    captured: int
    decided: int
    dropped: dict[str, int]
    judged: int
    """Parts judged, each of which is a record; equals ``decided`` where every frame is a part."""
    parts_lost: int
    buffered: int
    """Records of this run that are durable in the buffer, or were until newer ones needed their room."""
    lost: int
    """Judged, but neither disk nor memory had room for the record."""
    pending: int
    """Buffer entries that no broker has acknowledged yet, of this run and earlier ones."""
    windows: int
    drifted_windows: tuple[int, ...]
    latency_us: dict[str, int]
    losses: int
    cameras: tuple[CameraReport, ...]
    gate: dict[str, int]
    """Decisions by what became of them: see ``edge.gates.Gate.counters``."""
    gate_open_since_ns: int
    """Wall clock since which the gate may be open, when its off was not confirmed until the end; else 0."""


def closing_report(
    identity: Identity, lanes: Sequence[CameraLane], recorder: Recorder, buffer: Buffer, intake: Intake, gate: Gate
) -> LineReport:
    pipelines = [lane.pipeline for lane in lanes]
    accounts = total(pipeline.accounts for pipeline in pipelines)
    latencies = sum((pipeline.latency.copy() for pipeline in pipelines), Distribution.empty())
    state = buffer.state()
    cameras = tuple(_camera_report(lane) for lane in lanes)
    return LineReport(
        device=identity.device,
        boot_id=identity.boot_id,
        captured=accounts.captured,
        decided=accounts.decided,
        dropped=_by_reason(accounts),
        judged=accounts.judged,
        parts_lost=accounts.parts_lost,
        buffered=buffer.committed,
        lost=intake.lost + state.lost,
        pending=state.pending,
        windows=recorder.windows,
        drifted_windows=tuple(recorder.drifted),
        latency_us={name: latencies.quantile(share) for name, share in SHARES.items()} | {"max": latencies.max_us},
        losses=sum(camera.losses for camera in cameras),
        cameras=cameras,
        gate=gate.counters(),
        gate_open_since_ns=gate.condition().open_since_ns,
    )


def _camera_report(lane: CameraLane) -> CameraReport:
    accounts = lane.pipeline.accounts
    return CameraReport(
        name=lane.name,
        captured=accounts.captured,
        decided=accounts.decided,
        dropped=_by_reason(accounts),
        judged=accounts.judged,
        parts_lost=accounts.parts_lost,
        losses=lane.source.losses,
    )


def _by_reason(accounts: Accounts) -> dict[str, int]:
    return {reason: count for reason, count in sorted(accounts.dropped.items()) if count}
