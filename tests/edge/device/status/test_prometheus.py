"""The exposition, read back by Prometheus' own parser for Python."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from edge.core.histogram import bucket_of, lower_edge
from edge.device.health.snapshot import Snapshot
from edge.device.status.prometheus import BOUNDS_US, exposition, families
from edge.protocol.latency import from_message
from edge.protocol.messages import GateState

README = Path(__file__).parents[4] / "edge" / "device" / "health" / "README.md"
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(snapshot: Snapshot) -> list[Metric]:
    return list(text_string_to_metric_families(exposition(snapshot)))


def values(snapshot: Snapshot) -> Values:
    found: Values = {}
    for metric in parsed(snapshot):
        for sample in metric.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} comes twice"
            found[key] = sample.value
    return found


def value(found: Values, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_every_metric_has_a_type_a_help_and_a_sample(snapshot: Snapshot) -> None:
    metrics = parsed(snapshot)
    assert {metric.type for metric in metrics} == {"counter", "gauge", "histogram"}
    assert all(metric.documentation.endswith((".", "1.")) and metric.samples for metric in metrics)
    written = {family.name.removesuffix("_total") for family in families(snapshot)}
    assert {metric.name for metric in metrics} == written


def test_names_keep_the_rules(snapshot: Snapshot) -> None:
    for family in families(snapshot):
        assert re.fullmatch(r"edge_[a-z_]+", family.name)
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert not re.search(r"_(ms|us|mb|minutes)(_|$)", family.name)


def test_the_figures_are_those_of_the_snapshot(snapshot: Snapshot) -> None:
    found, health = values(snapshot), snapshot.health
    for camera in health.cameras:
        name = camera.name
        assert value(found, "edge_frames_captured_total", camera=name) == camera.captured
        assert value(found, "edge_frames_decided_total", camera=name) == camera.decided
        assert value(found, "edge_frames_dropped_total", camera=name, reason="overrun") == camera.dropped["overrun"]
        assert value(found, "edge_frames_dropped_total", camera=name, reason="failed") == 0
        assert value(found, "edge_latency_recent_seconds", camera=name, quantile="0.999") == pytest.approx(
            (camera.latency_us.p999 or 0) / 1e6
        )
        assert value(found, "edge_latency_max_seconds", camera=name) == camera.latency_boot_us.max / 1e6
    assert value(found, "edge_buffer_bytes") == health.buffer.bytes
    assert value(found, "edge_buffer_evicted_records_total", delivered="no") == 20
    assert value(found, "edge_buffer_evicted_records_total", delivered="yes") == 30
    assert value(found, "edge_cpu_seconds_total") == health.cpu_s
    assert value(found, "edge_resident_memory_bytes") == health.rss_bytes
    assert value(found, "edge_temperature_celsius") == health.temperature_c
    assert value(found, "edge_drift_windows_total") == 9
    assert value(found, "edge_sync_acknowledged_total") == 11
    info = {"device": "line-1", "site": "koeln", "line": "3", "boot_id": health.boot_id}
    assert value(found, "edge_info", **info, model="cookie", model_version="2") == 1


def buckets(found: Values, camera: str) -> Iterator[tuple[float, float]]:
    for (name, labels), count in found.items():
        if name == "edge_latency_seconds_bucket" and ("camera", camera) in labels:
            yield float(dict(labels)["le"]), count


def test_the_histogram_is_cumulative_and_agrees_with_the_snapshots(snapshot: Snapshot) -> None:
    found = values(snapshot)
    for camera in snapshot.health.cameras:
        latencies = from_message(camera.histogram)
        rows = sorted(buckets(found, camera.name))
        assert len(rows) == len(BOUNDS_US) + 1
        assert rows[-1] == (math.inf, camera.decided)
        assert [count for _, count in rows] == sorted(count for _, count in rows)
        true = [latencies.below(round(bound * 1e6)) for bound, _ in rows[:-1]]
        assert [count for _, count in rows[:-1]] == true
        assert value(found, "edge_latency_seconds_count", camera=camera.name) == camera.decided
        assert value(found, "edge_latency_seconds_sum", camera=camera.name) == latencies.sum_us / 1e6


def test_the_gates_sums_reasons_and_slack_are_told(snapshot: Snapshot) -> None:
    found = values(snapshot)
    assert value(found, "edge_gate_up") == 1
    assert value(found, "edge_gate_info", firmware="1.2.3", boots="4") == 1
    assert value(found, "edge_gate_decisions_total", verdict="rejected") == 12
    assert value(found, "edge_gate_missed_total", reason="late") == 2
    assert value(found, "edge_gate_events_total", event="late") == 3
    assert value(found, "edge_gate_fault", fault="gate stuck") == 0
    assert value(found, "edge_gate_slack_seconds_bucket", le="0.0") == 2
    assert value(found, "edge_gate_slack_seconds_bucket", le="0.064") == 10
    assert value(found, "edge_gate_slack_seconds_bucket", le="+Inf") == 100
    assert value(found, "edge_gate_slack_seconds_count") == 100


def test_a_gate_that_is_away_and_at_fault_is_told(make_snapshot: Callable[..., Snapshot]) -> None:
    gate = replace(snapshot_gate(make_snapshot()), problem="no such device", faults=("eye blocked",))
    found = values(make_snapshot(gate=gate))
    assert value(found, "edge_gate_up") == 0
    assert value(found, "edge_gate_fault", fault="eye blocked") == 1
    assert not {name for name, _ in values(make_snapshot(gate=None)) if "gate" in name}


def snapshot_gate(snapshot: Snapshot) -> GateState:
    assert snapshot.health.gate is not None
    return snapshot.health.gate


def test_bounds_are_edges_of_the_histograms_own_buckets() -> None:
    assert all(lower_edge(bucket_of(bound)) == bound for bound in BOUNDS_US)
    assert list(BOUNDS_US) == sorted(set(BOUNDS_US))


@pytest.mark.parametrize("name", ['back\\slash "quoted"', "two\nlines", "ünïcode ✓", "{a=b},#"])
def test_label_values_survive_their_escaping(make_snapshot: Callable[..., Snapshot], name: str) -> None:
    cameras = tuple(replace(camera, name=name) for camera in make_snapshot().health.cameras[:1])
    found = values(make_snapshot(cameras=cameras, site=name))
    assert value(found, "edge_camera_up", camera=name) == 1
    assert any(("site", name) in labels for metric, labels in found if metric == "edge_info")


def test_what_a_device_does_not_have_is_left_out(make_snapshot: Callable[..., Snapshot]) -> None:
    bare = make_snapshot(drift=None, sync=None, temperature_c=None, throttled=None, free_bytes=None)
    names = {family.name for family in families(bare)}
    assert not {name for name in names if "drift_w" in name or "sync" in name or "temp" in name or "thrott" in name}
    assert "edge_resident_memory_bytes" in names


def test_every_metric_and_its_labels_are_in_the_readme(snapshot: Snapshot) -> None:
    rows = [line for line in README.read_text("utf-8").splitlines() if line.startswith("| `edge_")]
    documented = {name for row in rows for name in re.findall(r"`(edge_[a-z_]+)`", row)}
    assert documented == {family.name for family in families(snapshot)}
    for family in families(snapshot):
        row = next(row for row in rows if f"`{family.name}`" in row)
        assert family.kind in row
        assert all(f"`{label}`" in row for _, labels, _ in family.samples for label in labels)
