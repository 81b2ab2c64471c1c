"""The state of every device, in one look at the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.messages import Column, Drift, Health, decode
from edge.monitor.store import Store


@dataclass(frozen=True, slots=True)
class DriftState:
    """The last window's verdict; ``since_ns`` (wall clock) is where the unbroken run of drifted windows began."""

    drifted: bool
    columns: tuple[Column, ...]
    """Those that drifted, the strongest first."""
    since_ns: int | None


@dataclass(frozen=True, slots=True)
class DeviceState:
    """One line of the overview. ``health`` and ``drift`` are None until the device has sent one."""

    device: str
    site: str
    line: str
    state: str
    model: str
    version: int
    predictions: int
    set_aside: int
    seen_ns: int
    health: Health | None
    drift: DriftState | None


_COLUMNS = ("device", "site", "line", "state", "model", "version", "predictions", "set_aside", "seen_ns")


def overview(store: Store) -> list[DeviceState]:
    """All devices, by site, line and name."""
    rows = store.db.execute(
        f"SELECT {', '.join(_COLUMNS)}, health FROM device ORDER BY site, line, device"
    ).fetchall()
    return [
        DeviceState(**dict(zip(_COLUMNS, row, strict=False)), health=_health(row[-1]), drift=_drift(store, row[0]))
        for row in rows
    ]


def _health(text: str | None) -> Health | None:
    message = decode("health", text.encode()) if text else None
    return message if isinstance(message, Health) else None


def _drift(store: Store, device: str) -> DriftState | None:
    last = _last_window(store, device)
    if last is None:
        return None
    boot, seq, text = last
    message = decode("drift", text.encode())
    if not isinstance(message, Drift) or not message.drifted:
        return DriftState(drifted=False, columns=(), since_ns=None)
    since_ns = store.db.execute(
        "SELECT min(start_ns) FROM drift WHERE boot = ?1 AND seq <= ?2 AND seq > "
        "coalesce((SELECT max(seq) FROM drift WHERE boot = ?1 AND NOT drifted), -1)",
        (boot, seq),
    ).fetchone()[0]
    drifted = tuple(column for column in message.columns if column.drifted)
    return DriftState(drifted=True, columns=drifted, since_ns=since_ns)


def _last_window(store: Store, device: str) -> tuple[Any, ...] | None:
    """Of the boot that runs now if it has any: windows of earlier boots may arrive after it has begun."""
    row: tuple[Any, ...] | None = store.db.execute(
        "SELECT boot.id, drift.seq, drift.message FROM drift JOIN boot ON boot.id = drift.boot "
        "JOIN device USING (device) WHERE device = ? "
        "ORDER BY boot.boot_id = device.boot_id DESC, boot.id DESC, drift.seq DESC LIMIT 1",
        (device,),
    ).fetchone()
    return row
