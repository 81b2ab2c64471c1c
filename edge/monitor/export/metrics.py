"""The fleet for Prometheus: what the store says of each device now, and how many are how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from edge.core.openmetrics import NONE, Family, Labels, counter, gauge, page
from edge.monitor.queries.reading import Alert, FleetRow, Reader

MAX_DEVICES = 1_000_000


def fleet_metrics(reader: Reader, *, devices: bool = True) -> str:
    """The whole page. ``devices``: one sample each of some figures; without them, sums by line alone."""
    rows, _ = reader.fleet(limit=MAX_DEVICES)
    alerts = reader.alerts(open_only=True, limit=MAX_DEVICES)
    return page([*_sums(rows), *_alerts(alerts), *(_each(rows) if devices else ())])


def _sums(rows: Sequence[FleetRow]) -> Iterator[Family]:
    states = Counter((row.site, row.line, row.state or "unknown") for row in rows)
    samples = [({"site": s, "line": n, "state": state}, count) for (s, n, state), count in sorted(states.items())]
    yield gauge("edge_fleet_devices", "Devices, by state.", samples)
    places = sorted({(row.site, row.line) for row in rows})
    drifting = Counter((row.site, row.line) for row in rows if row.drifted)
    yield gauge(
        "edge_fleet_drifted_devices",
        "Devices whose last window is drifted.",
        [({"site": site, "line": line}, drifting[site, line]) for site, line in places],
    )
    features = Counter(row.feature for row in rows if row.drifted and row.feature)
    yield gauge(
        "edge_fleet_drifted_features",
        "Devices whose last window is drifted, by its strongest column.",
        [({"feature": name}, count) for name, count in sorted(features.items())],
    )
    models = Counter((row.model, str(row.version)) for row in rows)
    yield gauge(
        "edge_fleet_model_devices",
        "Devices, by model and version.",
        [({"model": model, "version": version}, count) for (model, version), count in sorted(models.items())],
    )
    unreadable = [(NONE, sum(row.set_aside for row in rows))]
    yield counter("edge_fleet_unreadable_messages_total", "Messages that could not be read.", unreadable)


def _alerts(alerts: Sequence[Alert]) -> Iterator[Family]:
    counts = Counter((alert.kind, alert.severity) for alert in alerts)
    samples = [({"kind": kind, "severity": how}, count) for (kind, how), count in sorted(counts.items())]
    yield gauge("edge_fleet_alerts", "Alerts that are open.", samples)


def _each(rows: Sequence[FleetRow]) -> Iterator[Family]:
    yield _one(rows, "edge_device_up", "1 while it is online.", lambda row: float(row.state == "online"))
    yield _one(rows, "edge_device_seen_time_seconds", "When anything last came of it.", lambda row: row.seen_ns / 1e9)
    yield _one(rows, "edge_device_decisions_per_second", "Frames decided.", lambda row: row.fps)
    yield _one(
        rows,
        "edge_device_latency_p99_seconds",
        "From capture to decision, of the last minute.",
        lambda row: None if row.p99_us is None else row.p99_us / 1e6,
    )
    yield _one(rows, "edge_device_buffer_pending_entries", "Rows that wait for delivery.", lambda row: row.pending)
    yield _one(rows, "edge_device_temperature_celsius", "Of the processor.", lambda row: row.temperature_c)
    yield _one(
        rows,
        "edge_device_drifted",
        "1 while its last window is drifted.",
        lambda row: None if row.drifted is None else float(row.drifted),
    )
    yield _count(rows, "edge_device_frames_decided_total", "Since its start.", lambda row: row.decided)
    yield _count(rows, "edge_device_frames_dropped_total", "Since its start.", lambda row: row.dropped)
    yield _count(rows, "edge_device_evicted_records_total", "Thrown away undelivered.", lambda row: row.evicted)


Figure = Callable[[FleetRow], float | None]


def _one(rows: Sequence[FleetRow], name: str, text: str, figure: Figure) -> Family:
    return gauge(name, text, _known(rows, figure))


def _count(rows: Sequence[FleetRow], name: str, text: str, figure: Figure) -> Family:
    return counter(name, text, _known(rows, figure))


def _known(rows: Sequence[FleetRow], figure: Figure) -> list[tuple[Labels, float]]:
    return [
        ({"device": row.device, "site": row.site, "line": row.line}, value)
        for row in rows
        if (value := figure(row)) is not None
    ]
