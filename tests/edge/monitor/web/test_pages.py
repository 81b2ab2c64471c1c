"""What each page says of the ten devices of the ``filled`` store."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.monitor import Store
from edge.monitor.web import Access, open_pages, parse_place
from tests.support.monitor_pages import Site

PAGES = ["/", "/device?name=oven-3", "/drift", "/models", "/compare?model=cookie", "/alerts", "/messages"]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def listed(html: str) -> list[str]:
    return re.findall(r'<tr data-key="(oven-\d+)"', html)


def test_the_fleet_says_how_many_are_how(site: Site) -> None:
    text = words(site.get("/"))
    assert "10 devices 1 drifting 9 online 1 offline" in text
    assert "1 messages that could not be read" in text
    assert "brightness" in text


def test_where_nobody_looks_for_alerts_that_is_said_instead_of_none(tmp_path: Path) -> None:
    Store(tmp_path / "m.db").close()
    for alarming, said in ((False, "Nobody looks"), (True, "None open")):
        access = Access(names=("127.0.0.1",))
        with open_pages(tmp_path / "m.db", parse_place("127.0.0.1:0"), access, alarming=alarming) as url:
            assert said in words(Site(url).get("/alerts"))


def test_while_nothing_new_arrives_every_page_says_why(tmp_path: Path) -> None:
    Store(tmp_path / "m.db").close()
    trouble = [""]
    access = Access(names=("127.0.0.1",))
    with open_pages(tmp_path / "m.db", parse_place("127.0.0.1:0"), access, trouble=lambda: trouble[0]) as url:
        assert "Nothing new arrives" not in words(Site(url).get("/"))
        trouble[0] = "mqtt://<broker>: Connection refused"
        for page in ("/", "/drift", "/models", "/alerts", "/messages"):
            said = words(Site(url).get(page))
            assert "Nothing new arrives: mqtt://&lt;broker&gt;: Connection refused" in said


def test_the_device_that_drifts_comes_first(site: Site) -> None:
    assert listed(site.get("/"))[0] == "oven-3"
    assert listed(site.get("/?sort=drift&order=down"))[-1] == "oven-3"


@pytest.mark.parametrize(
    ("query", "devices"),
    [
        ("drifted=yes", ["oven-3"]),
        ("state=offline", ["oven-5"]),
        ("text=VEN-2", ["oven-2"]),
        ("feature=brightness", ["oven-3"]),
        ("version=2", ["oven-10"]),
        ("line=line+1&sort=device", ["oven-1", "oven-10", *(f"oven-{number}" for number in range(2, 10))]),
        ("site=nowhere", []),
        ("sort=device&order=down&rows=2", ["oven-9", "oven-8"]),
        ("sort=device&order=up&rows=2&from=2", ["oven-2", "oven-3"]),
    ],
)
def test_the_fleet_can_be_filtered_sorted_and_leafed_through(site: Site, query: str, devices: list[str]) -> None:
    assert listed(site.get(f"/?{query}")) == devices


def test_turning_the_page_keeps_what_was_asked(site: Site) -> None:
    html = site.get("/?line=line+1&sort=device&order=up&rows=2")
    following = re.search(r'href="([^"]+)" rel="next"', html)
    assert following
    assert listed(site.get(following[1].replace("&amp;", "&"))) == ["oven-2", "oven-3"]


@pytest.mark.parametrize(
    "query", ["rows=-1", "rows=999999999999999999999", "from=9" * 9, "sort=x'--", "drifted=maybe"]
)
def test_nonsense_in_an_address_counts_as_not_asked(site: Site, query: str) -> None:
    assert site.ask(f"/?{query}")[0] == 200


def test_a_device_says_what_drifts_and_since_when(site: Site) -> None:
    html = site.get("/device?name=oven-3")
    assert re.search(r"Drifts since .*brightness", words(html))
    assert re.findall(r'data-key="series ([^"]+)"', html)[0] == "brightness"
    assert "It drifted in 6 of 12 windows" in html
    assert 'data-key="distribution brightness"' in html
    assert 'data-key="classes"' in html


def test_a_device_says_how_it_is(site: Site) -> None:
    text = words(site.get("/device?name=oven-3"))
    for said in (
        "12 ms",
        "61.5 °C",
        "1.0% of all",
        "2 h 5 min",
        "late",
        "too late",
        "blurred began",
        "has said nothing of slots",
    ):
        assert said in text, said


def test_a_device_that_nobody_knows_is_not_found(site: Site) -> None:
    status, _, text = site.ask("/device?name=nobody")
    assert status == 404
    assert "never heard of a device “nobody”" in words(text)


def test_the_drift_of_a_line_names_the_odd_one_among_its_siblings(site: Site) -> None:
    html = site.get("/drift?site=bakery&line=line+1&model=cookie&version=1&span=1h")
    odd = html[html.index("Each device against its siblings") :]
    assert re.findall(r'<tr data-key="(oven-\d+) (\w+)"', odd)[0] == ("oven-3", "brightness")
    assert "1 of 9 devices drift" in words(html)


def test_versions_stand_beside_each_other(site: Site) -> None:
    assert "Compare v1 and v2" in words(site.get("/models"))
    text = words(site.get("/compare?model=cookie&a=1&b=2"))
    assert "devices now 9 1" in text
    assert re.search(r"brightness [\d.]+ (no )?drift", text)


def test_alerts_are_listed_and_nobody_can_act_without_a_login(site: Site) -> None:
    html = site.get("/alerts")
    assert "oven-3 drifts in brightness" in html
    assert "Acknowledge</button>" not in html
    status, _, _ = site.ask("/alerts", {"Origin": site.url.rstrip("/")}, {"id": "1", "act": "acknowledge"})
    assert status == 403


def test_what_could_not_be_read_is_shown(site: Site) -> None:
    assert "{broken" in words(site.get("/messages"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_that_has_not_changed_is_not_sent_again(site: Site, path: str) -> None:
    if path == "/":
        path = "/?state=nothing"  # ages of devices change
    tags = [site.ask(path)[1]["etag"] for _ in range(2)]
    assert tags[0] == tags[1]
    status, _, text = site.ask(path, {"If-None-Match": tags[0]})
    assert (status, text) == (304, "")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_on_an_empty_store(serve: Callable[..., Site], tmp_path: Path, path: str) -> None:
    Store(tmp_path / "monitor.db").close()
    empty = serve(tmp_path / "monitor.db")
    assert empty.ask(path)[0] == (404 if "name=" in path else 200)


def test_health_is_ok_while_the_store_can_be_read(site: Site) -> None:
    assert site.get("/healthz") == "ok\n"


def test_shipped_files_are_served_and_nothing_else(site: Site) -> None:
    for name in re.findall(r'"(/static/[^"]+)"', site.get("/")):
        assert site.ask(name)[0] == 200
    for path in (
        "/static/",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/nothing.js",
    ):
        assert site.ask(path)[0] == 404
