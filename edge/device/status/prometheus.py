"""A device's snapshot for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import get_args

from edge.core.histogram import Distribution
from edge.core.openmetrics import NONE, Family, Labels, counter, gauge, page
from edge.device.health.problems import GATE_WAYS_OUT
from edge.device.health.snapshot import Snapshot
from edge.device.pipeline.accounts import Reason
from edge.gates.tally import tally_parts
from edge.inference.frames.events import PICTURE_FAULTS
from edge.protocol.latency import SHARES, from_message
from edge.protocol.messages import CameraCounts, GateState, Health, Latency

BOUNDS_US = tuple(step << octave for octave in range(7, 21) for step in (2, 3))
"""Upper bounds of ``edge_latency_seconds``, from 256 µs to 3.1 s, two an octave: edges of the histogram's own
buckets, so that the counts are exact."""


def exposition(snapshot: Snapshot) -> str:
    """The whole page."""
    return page(families(snapshot))


def families(snapshot: Snapshot) -> Iterator[Family]:
    """Every metric, those of the frames first."""
    health = snapshot.health
    yield from _about(snapshot)
    yield from _frames(health.cameras)
    yield from _latencies(health.cameras)
    yield from _records(health)
    if health.gate is not None:
        yield from _gate(health.gate)
    yield from _drift(snapshot)
    yield from _sync(snapshot)
    yield from _system(health)


def _about(snapshot: Snapshot) -> Iterator[Family]:
    health = snapshot.health
    names = {"device": health.device, "site": health.site, "line": health.line, "boot_id": health.boot_id}
    names |= {"model": health.model, "model_version": str(health.model_version)}
    yield gauge("edge_info", "The device, its boot and its model; always 1.", [(names, 1)])
    yield gauge("edge_uptime_seconds", "Since the daemon's start.", [(NONE, health.uptime_s)])
    yield gauge("edge_snapshot_time_seconds", "Wall clock of these figures.", [(NONE, snapshot.wall_ns / 1e9)])
    yield gauge("edge_problems", "Things that are wrong; edge status names them.", [(NONE, len(snapshot.problems))])


def _frames(cameras: Iterable[CameraCounts]) -> Iterator[Family]:
    by_camera = [(_of(camera), camera) for camera in cameras]
    captured = [(labels, camera.captured) for labels, camera in by_camera]
    yield counter("edge_frames_captured_total", "Frames that came from the camera.", captured)
    decided = [(labels, camera.decided) for labels, camera in by_camera]
    yield counter("edge_frames_decided_total", "Frames that were looked at.", decided)
    dropped = [
        ({**labels, "reason": reason}, camera.dropped.get(reason, 0))
        for labels, camera in by_camera
        for reason in sorted({*get_args(Reason), *camera.dropped})
    ]
    yield counter("edge_frames_dropped_total", "Frames that nobody judged, by reason.", dropped)
    losses = [(labels, camera.losses) for labels, camera in by_camera]
    yield counter("edge_camera_losses_total", "Times that the camera was lost.", losses)
    present = [(labels, 0 if camera.lost else 1) for labels, camera in by_camera]
    yield gauge("edge_camera_up", "1, or 0 while the camera is lost.", present)
    missed = [(labels, camera.missed) for labels, camera in by_camera]
    yield counter("edge_camera_missed_frames_total", "Frames that camera or driver lost.", missed)
    faults = [
        ({**labels, "fault": fault}, int(fault in camera.faults))
        for labels, camera in by_camera
        for fault in sorted({*PICTURE_FAULTS, *camera.faults})
    ]
    yield gauge("edge_camera_fault", "1 while the camera's pictures are so.", faults)
    judged = [(labels, camera.judged) for labels, camera in by_camera]
    yield counter("edge_parts_judged_total", "Parts that were judged.", judged)
    lost = [(labels, camera.parts_lost) for labels, camera in by_camera]
    yield counter("edge_parts_lost_total", "Parts out of sight before they could be judged.", lost)


def _latencies(cameras: Iterable[CameraCounts]) -> Iterator[Family]:
    cameras = list(cameras)
    buckets = tuple(sample for camera in cameras for sample in _buckets(_of(camera), from_message(camera.histogram)))
    yield Family("edge_latency_seconds", "histogram", "From capture to decision, since the start.", buckets)
    maxima = [(_of(camera), camera.latency_boot_us.max / 1e6) for camera in cameras]
    yield gauge("edge_latency_max_seconds", "The longest since the start.", maxima)
    recent = [
        ({**_of(camera), "quantile": share}, value)
        for camera in cameras
        for share, value in _quantiles(camera.latency_us)
    ]
    yield gauge("edge_latency_recent_seconds", "Quantiles of the last minute; 1 is the longest.", recent)


def _buckets(labels: Labels, latencies: Distribution) -> Iterator[tuple[str, Labels, float]]:
    for bound_us in BOUNDS_US:
        yield "_bucket", {**labels, "le": repr(bound_us / 1e6)}, latencies.below(bound_us)
    yield "_bucket", {**labels, "le": "+Inf"}, latencies.count
    yield "_sum", labels, latencies.sum_us / 1e6
    yield "_count", labels, latencies.count


def _quantiles(latency: Latency) -> Iterator[tuple[str, float]]:
    for name, share in SHARES.items():
        yield repr(share), (getattr(latency, name) or 0.0) / 1e6
    yield "1", latency.max / 1e6


def _records(health: Health) -> Iterator[Family]:
    depth = health.buffer
    lost, missed = [(NONE, health.records_lost)], [(NONE, health.pictures_missed)]
    yield counter("edge_records_lost_total", "Decisions whose record found no room.", lost)
    yield counter("edge_drift_pictures_missed_total", "Decisions whose picture drift did not see.", missed)
    yield gauge("edge_buffer_entries", "Rows in the buffer.", [(NONE, depth.entries)])
    yield gauge("edge_buffer_pending_entries", "Rows that wait for the broker.", [(NONE, depth.pending)])
    yield gauge("edge_buffer_unwritten_records", "Records that wait in memory.", [(NONE, depth.unwritten)])
    yield gauge("edge_buffer_bytes", "Size of the buffer.", [(NONE, depth.bytes)])
    evicted = [
        ({"delivered": "no"}, depth.evicted_undelivered),
        ({"delivered": "yes"}, depth.evicted - depth.evicted_undelivered),
    ]
    yield counter("edge_buffer_evicted_records_total", "Records that made room, since the file was made.", evicted)


def _gate(gate: GateState) -> Iterator[Family]:
    sums, reasons, others = tally_parts(gate.counters)
    known = {"firmware": gate.firmware, "boots": str(gate.boots)}
    yield gauge("edge_gate_info", "Its controller's firmware and how often that started; always 1.", [(known, 1)])
    yield gauge("edge_gate_up", "1, or 0 while it cannot fire.", [(NONE, int(not gate.problem))])
    since_s = gate.open_since_ns / 1e9
    yield gauge("edge_gate_may_be_open", "1 while its output may be on but should not.", [(NONE, int(since_s > 0))])
    yield gauge("edge_gate_may_be_open_since_seconds", "Wall clock since when; 0 when it is not.", [(NONE, since_s)])
    faults = [({"fault": fault}, int(fault in gate.faults)) for fault in sorted({*GATE_WAYS_OUT, *gate.faults})]
    yield gauge("edge_gate_fault", "1 while its controller reports it.", faults)
    verdicts = [({"verdict": name}, sums[name]) for name in ("passed", "rejected")]
    yield counter("edge_gate_decisions_total", "Decisions that it was told.", verdicts)
    yield counter("edge_gate_fired_total", "Rejected parts that it was opened for.", [(NONE, sums["fired"])])
    missed = [({"reason": name}, count) for name, count in sorted(reasons.items())]
    yield counter("edge_gate_missed_total", "Rejected parts that it was not opened for.", missed)
    events = [({"event": name}, count) for name, count in sorted(others.items()) if name != "connected"]
    yield counter("edge_gate_events_total", "What else its kind counts.", events)
    yield Family("edge_gate_slack_seconds", "histogram", "Left until the part was at the gate.", tuple(_slack(gate)))


def _slack(gate: GateState) -> Iterator[tuple[str, Labels, float]]:
    """Without a sum, which the format forbids where values may be negative."""
    below = list(accumulate(gate.slack))
    for edge_ms, count in zip(gate.slack_edges_ms, below, strict=False):
        yield "_bucket", {"le": repr(edge_ms / 1000)}, count
    yield "_bucket", {"le": "+Inf"}, below[-1]
    yield "_count", NONE, below[-1]


def _drift(snapshot: Snapshot) -> Iterator[Family]:
    drift = snapshot.drift
    if drift is None:
        return
    yield counter("edge_drift_windows_total", "Drift windows that were judged.", [(NONE, drift.windows)])
    drifted = [(NONE, drift.drifted_windows)]
    yield counter("edge_drift_drifted_windows_total", "Drift windows that drifted.", drifted)
    yield gauge("edge_drift_drifted", "1 while the last window drifted.", [(NONE, int(drift.drifted))])


def _sync(snapshot: Snapshot) -> Iterator[Family]:
    sync = snapshot.sync
    if sync is None:
        return
    yield gauge("edge_sync_connected", "1 while the broker is there.", [(NONE, int(sync.connected))])
    counts = {
        "published": "Entries published, repetitions too.",
        "acknowledged": "Entries that arrived.",
        "refused": "Publications that the broker denied.",
        "unheard": "Publications that nobody subscribes to.",
    }
    for name, text in counts.items():
        yield counter(f"edge_sync_{name}_total", text, [(NONE, getattr(sync, name))])


def _system(health: Health) -> Iterator[Family]:
    yield counter("edge_cpu_seconds_total", "Processor time of the daemon.", [(NONE, health.cpu_s)])
    yield gauge("edge_resident_memory_bytes", "Resident memory of the daemon.", [(NONE, health.rss_bytes)])
    if health.free_bytes is not None:
        yield gauge("edge_state_free_bytes", "Room where the state folder is.", [(NONE, health.free_bytes)])
    if health.temperature_c is not None:
        yield gauge("edge_temperature_celsius", "Of the processor.", [(NONE, health.temperature_c)])
    if health.throttled is not None:
        yield gauge("edge_throttled", "1 while the board is slowed down.", [(NONE, int(bool(health.throttled)))])


def _of(camera: CameraCounts) -> Labels:
    return {"camera": camera.name}
