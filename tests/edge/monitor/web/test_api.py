import pytest

from edge.monitor.web.api import ANSWERS
from tests.support.monitor_pages import Site


def test_the_fleet_as_json(site: Site) -> None:
    found = site.json("/api/v1/fleet?drifted=yes")
    assert found["total"] == 1
    assert found["devices"][0]["device"] == "oven-3"
    assert found["devices"][0]["feature"] == "brightness"
    assert site.json("/api/v1/summary")["drifted"] == 1


def test_a_device_and_its_windows(site: Site) -> None:
    assert site.json("/api/v1/device?name=oven-3")["health"]["temperature_c"] == 61.5
    windows = site.json("/api/v1/windows?name=oven-3&rows=5")
    assert [window["seq"] for window in windows] == [7, 8, 9, 10, 11]
    assert all(window["drifted"] for window in windows)
    assert site.ask("/api/v1/device?name=nobody")[0] == 404


def test_the_heat_map_as_numbers(site: Site) -> None:
    found = site.json("/api/v1/drift?device=oven-3&span=1h")
    assert (found["devices"], found["every"]) == (1, 1)
    drifted = {one["column"] for one in found["slices"] if one["drifted"]}
    assert "brightness" in drifted


def test_what_else_there_is(site: Site) -> None:
    assert site.json("/api/v1/alerts")[0]["text"] == "oven-3 drifts in brightness"
    assert site.json("/api/v1/messages")[0]["payload"] == "{broken"
    assert site.json("/api/v1/events?name=oven-3")[0]["fault"] == "blurred"
    assert {one["version"] for one in site.json("/api/v1/models")} == {1, 2}
    assert site.json("/api/v1/health?name=oven-3")[0]["p99_us"] == 12000


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_is_json_and_not_to_be_guessed_at(site: Site, name: str) -> None:
    status, headers, _ = site.ask(f"/api/v1/{name}?name=oven-1")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"


def test_no_such_answer_is_a_plain_404(site: Site) -> None:
    status, headers, text = site.ask("/api/v1/nothing")
    assert (status, text) == (404, "not found")
    assert headers["content-type"].startswith("text/plain")
