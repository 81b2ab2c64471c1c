"""Problems of the device: one line each, which names the thing and says how bad it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.core.clock import local_time
from edge.device.health.camera_view import RECENT_S
from edge.protocol.messages import CameraCounts, GateState, Health

DROPPING_SHARE, DROPPING_LEAST = 0.01, 3
"""So many of the last minute's frames may be dropped without a word: a lone overrun is counted, and no alarm."""
LOW_FREE_BYTES = 64 << 20
_WAYS_OUT = {
    "black": "check the light and the lens cap",
    "saturated": "check exposure and light",
    "frozen": "check or restart the camera",
    "blurred": "clean the lens, check the focus",
}
GATE_WAYS_OUT = {
    "gate stuck": "its feedback does not follow; check air, valve and wiring",
    "eye blocked": "clean the photo-eye, take away what stands before it",
    "encoder silent": "the gate cannot be timed; check the encoder and its wiring",
}


def find_problems(
    health: Health, *, evicted_recently: int, lost_recently: int, buffer_trouble: str, deaths: Sequence[str] = ()
) -> Iterator[str]:
    """``…_recently``: records in the last minute; ``deaths``: of threads. A broker that is away is no problem, and
    drift is news."""
    yield from deaths
    for camera in health.cameras:
        yield from _of_camera(camera)
    if health.gate is not None:
        yield from _of_gate(health.gate)
    if buffer_trouble:
        yield f"buffer: cannot be written ({buffer_trouble}); {health.buffer.unwritten} records wait in memory"
    if lost_recently:
        yield f"records: {lost_recently} lost within {RECENT_S:.0f} s; neither disk nor memory had room"
    if evicted_recently:
        yield f"buffer: full; {evicted_recently} undelivered records made room within {RECENT_S:.0f} s"
    if health.free_bytes is not None and health.free_bytes < LOW_FREE_BYTES:
        yield f"state folder: {health.free_bytes >> 20} MB free"
    if health.throttled:
        yield f"board: {', '.join(health.throttled)}"


def _of_gate(gate: GateState) -> Iterator[str]:
    if gate.open_since_ns:
        yield (
            f"gate: may be open since {local_time(gate.open_since_ns)}; it is driven off until that is confirmed; "
            "look at it, or shut off its air"
        )
    if gate.problem:
        yield f"gate: {gate.problem}"
    for fault in gate.faults:
        yield f"gate: {fault}; {GATE_WAYS_OUT.get(fault, 'look at the controller')}"


def _of_camera(camera: CameraCounts) -> Iterator[str]:
    if camera.lost:
        yield f"{camera.name}: lost; it is opened again as soon as it is back"
    for fault in camera.faults:
        yield f"{camera.name}: {fault}; {_WAYS_OUT.get(fault, 'look at its picture')}"
    dropped = sum(camera.recent_dropped.values())
    if dropped > max(DROPPING_LEAST, DROPPING_SHARE * camera.recent_captured):
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(camera.recent_dropped.items()))
        yield (
            f"{camera.name}: {dropped} of {camera.recent_captured} frames dropped within {RECENT_S:.0f} s ({reasons})"
        )
