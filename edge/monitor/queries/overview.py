"""The state of every device, in one look at the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge.monitor.database import DatabaseRow, marks
from edge.monitor.queries.present import Present
from edge.monitor.queries.verdicts import WATCH, Watch, columns_of, conclude, rank
from edge.monitor.store.store import Store
from edge.protocol.messages import DriftColumn, Health, decode


@dataclass(frozen=True, slots=True)
class DeviceDrift:
    """The last window's verdict; ``since_ns`` (wall clock) is where the unbroken run of drifted windows began."""

    drifted: bool
    columns: tuple[DriftColumn, ...]
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
    drift: DeviceDrift | None


CHUNK = 500
_COLUMNS = ("device", "site", "line", "state", "model", "version", "predictions", "set_aside", "seen_ns")


def overview(store: Store, most: int | None = None) -> list[DeviceState]:
    """All devices, by site, line and name; of more than ``most`` those that drift, then those that are away."""
    order, limit = "site, line, device", ""
    if most is not None and count(store) > most:
        order, limit = f"coalesce(drifted, 0) DESC, state = 'online', {order}", f" LIMIT {int(most)}"
    rows = store.engine.query(f"SELECT {', '.join(_COLUMNS)} FROM device ORDER BY {order}{limit}")
    names = [row[0] for row in rows]
    latest = _rows(store, "SELECT device, message FROM latest WHERE kind = 'health' AND device IN", names)
    health = {row[0]: _health(row[1]) for row in latest}
    drift = {name: _drift(present, found) for name, (present, found) in _watches(store, names).items()}
    return [
        DeviceState(**dict(zip(_COLUMNS, row, strict=True)), health=health.get(row[0]), drift=drift.get(row[0]))
        for row in rows
    ]


def count(store: Store) -> int:
    """Number of devices."""
    return int(store.engine.query("SELECT count(*) FROM device")[0][0])


def _rows(store: Store, sql: str, names: list[str]) -> Iterator[DatabaseRow]:
    for start in range(0, len(names), CHUNK):
        some = names[start : start + CHUNK]
        yield from store.engine.query(f"{sql} ({marks(len(some))})", some)


def _health(text: str) -> Health | None:
    message = decode("health", text.encode())
    return message if isinstance(message, Health) else None


def _watches(store: Store, names: list[str]) -> dict[str, tuple[Present, list[Watch]]]:
    found: dict[str, tuple[Present, list[Watch]]] = {}
    columns = ", ".join(f"watch.{name}" for name in WATCH)
    sql = f"SELECT device.boot, {columns} FROM watch JOIN device USING (device) WHERE watch.device IN"
    for row in _rows(store, sql, names):
        watch = Watch(*row[1:])
        found.setdefault(watch.device, (Present(watch.device, boot=row[0]), []))[1].append(watch)
    return found


def _drift(present: Present, watches: list[Watch]) -> DeviceDrift:
    conclude(present, watches)
    if not present.drifted:
        return DeviceDrift(drifted=False, columns=(), since_ns=None)
    last = max((watch for watch in watches if watch.drifted), key=lambda watch: rank(watch, present.boot))
    return DeviceDrift(drifted=True, columns=columns_of(last), since_ns=present.since_ns)
