"""The fleet for Prometheus, read by its own client's parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.support.monitor_pages import Site


def samples(text: str) -> dict[tuple[str, str], float]:
    return {
        (
            sample.name,
            sample.labels.get("device") or sample.labels.get("feature") or sample.labels.get("state", ""),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_page_says_how_each_device_and_the_fleet_is(site: Site):
    found = samples(site.get("/metrics"))
    assert found["edge_device_drifted", "oven-3"] == 1
    assert found["edge_device_up", "oven-5"] == 0
    assert found["edge_fleet_drifted_features", "brightness"] == 1
    assert found["edge_fleet_unreadable_messages_total", ""] == 1


def test_without_devices_the_page_is_short(site: Site):
    text = site.get("/metrics?devices=no")
    assert "edge_device_" not in text and "edge_fleet_devices" in text
