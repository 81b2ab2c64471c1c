"""The daemon's whole state at one moment: what ``edge status``, Prometheus and the health message tell."""

from __future__ import annotations

from dataclasses import dataclass

from edge.device.sync import SyncState
from edge.protocol.messages import Health, SlotsMessage

STALE_S = 15.0
"""The recorder looks every second; silence for so long means that it hangs, e.g. on a broken disk."""


@dataclass(frozen=True, slots=True)
class DriftState:
    """Drift windows since the boot. ``number`` and what follows are of the last one; None before there was one."""

    windows: int = 0
    drifted_windows: int = 0
    number: int | None = None
    drifted: bool = False
    columns: tuple[str, ...] = ()
    """Those that drifted, the strongest first."""
    end_ns: int = 0
    """Wall clock at capture of its last frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """``seq`` of ``health`` counts the looks. ``problems``: one line for each thing that is wrong, else empty."""

    health: Health
    problems: tuple[str, ...]
    pid: int
    at_s: float
    """Monotonic clock, the same for all processes of this machine."""
    wall_ns: int
    drift: DriftState | None = None
    """None where drift is not watched."""
    sync: SyncState | None = None
    """None without a broker. A broker that is away is no problem: data waits in the buffer."""
    slots: SlotsMessage | None = None
    """The model slots; None until they were looked at."""


def problems_at(snapshot: Snapshot, now_s: float) -> tuple[str, ...]:
    """Those of the snapshot, and that it is old."""
    age_s = now_s - snapshot.at_s
    if age_s <= STALE_S:
        return snapshot.problems
    return (
        *snapshot.problems,
        f"recorder: has not reported for {age_s:.0f} s; is the disk of the state folder well?",
    )
