"""Who gets in, and what every answer carries."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.monitor import Store
from edge.monitor.web import Access
from edge.monitor.web.limits import RequestLimit
from tests.support.monitor_pages import TOKEN, Site

OPEN_TO_ALL = ["/login", "/healthz", "/static/monitor.css"]
CLOSED = ["/", "/device?name=oven-1", "/alerts", "/messages", "/api/v1/fleet", "/nothing"]


@pytest.fixture(scope="module")
def closed(serve: Callable[..., Site], filled: Path) -> Site:
    return serve(filled, Access(token=TOKEN))


@pytest.fixture(scope="module")
def proxied(serve: Callable[..., Site], filled: Path) -> Site:
    return serve(filled, Access(header="x-remote-user"))


@pytest.fixture
def store(tmp_path: Path, filled: Path) -> Iterator[Store]:
    copy = tmp_path / "monitor.db"
    copy.write_bytes(filled.read_bytes())
    store = Store(copy)
    yield store
    store.close()


def log_in(site: Site, token: str = TOKEN, target: str = "/") -> tuple[int, dict[str, str], str]:
    return site.ask("/login", {"Origin": site.url.rstrip("/")}, {"token": token, "next": target})


@pytest.mark.parametrize("path", ["/", "/api/v1/fleet", "/nothing", "/static/live.js", "/healthz"])
def test_every_answer_says_what_a_browser_may_do_with_it(site: Site, path: str) -> None:
    _, headers, _ = site.ask(path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", CLOSED)
def test_a_stranger_sees_nothing(closed: Site, path: str) -> None:
    status, headers, text = closed.ask(path)
    if path.startswith("/api/"):
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
    else:
        assert status == 303
        assert headers["location"].startswith("/login?next=%2F")
    assert "oven" not in text


@pytest.mark.parametrize("path", OPEN_TO_ALL)
def test_a_stranger_can_log_in(closed: Site, path: str) -> None:
    assert closed.ask(path)[0] == 200


def test_the_right_token_opens_and_leads_back(closed: Site) -> None:
    status, headers, _ = log_in(closed, target="/device?name=oven-3")
    assert (status, headers["location"]) == (303, "/device?name=oven-3")
    cookie = headers["set-cookie"].split(";")[0]
    assert "oven-3" in closed.ask("/", {"Cookie": cookie})[2]


def test_a_program_brings_the_token_along(closed: Site) -> None:
    assert closed.ask("/api/v1/fleet", {"Authorization": f"Bearer {TOKEN}"})[0] == 200
    assert closed.ask("/api/v1/fleet", {"Authorization": "Bearer wrong"})[0] == 401


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
def test_a_login_leads_nowhere_else(serve: Callable[..., Site], filled: Path, target: str) -> None:
    status, headers, _ = log_in(serve(filled, Access(token=TOKEN)), target=target)
    assert (status, headers["location"]) == (303, "/")


def test_guessing_is_slowed_down(serve: Callable[..., Site], filled: Path) -> None:
    site = serve(filled, Access(token=TOKEN))
    assert [log_in(site, "wrong")[0] for _ in range(6)] == [403] * 5 + [429]
    status, _, text = log_in(site)
    assert status == 429
    assert "try again in" in text


def test_a_form_of_another_size_is_no_form(closed: Site) -> None:
    assert log_in(closed, "x" * 10_000)[0] in (403, 429)


def test_a_proxy_names_the_user(proxied: Site) -> None:
    assert proxied.ask("/", {"X-Remote-User": "ann"})[0] == 200
    status, _, text = proxied.ask("/")
    assert status == 401
    assert "x-remote-user" in text
    assert proxied.ask("/login")[0] == 404


def test_a_foreign_name_for_this_machine_is_refused(site: Site) -> None:
    for host in ("evil.example", "localhost.evil.example", "", f"127.0.0.1.evil.example:{site.port}"):
        assert site.ask("/", {"Host": host})[0] in (400, 421)
    for host in ("localhost", f"localhost:{site.port}", f"LOCALHOST:{site.port}"):
        assert site.ask("/", {"Host": host})[0] == 200


def test_an_act_comes_from_our_own_page(serve: Callable[..., Site], store: Store) -> None:
    site = serve(store.address, Access(token=TOKEN), store)
    cookie = {"Cookie": log_in(site)[1]["set-cookie"].split(";")[0]}
    own, form = {"Origin": site.url.rstrip("/")}, {"id": "1", "act": "acknowledge"}
    for foreign in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        own | {"Sec-Fetch-Site": "cross-site"},
    ):
        assert site.ask("/alerts", cookie | foreign, form)[0] == 403
    assert store.reader().alerts()[0].acknowledged == ""
    assert site.ask("/alerts", cookie | own, form)[0] == 303
    assert store.reader().alerts()[0].acknowledged == "token"


def test_a_proxys_user_acknowledges_and_silences_by_name(serve: Callable[..., Site], store: Store) -> None:
    site = serve(store.address, Access(header="x-user"), store)
    ann = {"X-User": "ann", "Origin": site.url.rstrip("/")}
    assert "Acknowledge</button>" in site.ask("/alerts", ann)[2]
    assert site.ask("/alerts", ann, {"id": "1", "act": "acknowledge"})[0] == 303
    assert site.ask("/alerts", ann, {"id": "1", "act": "silence", "for": "8h"})[0] == 303
    alert = store.reader().alerts()[0]
    assert alert.acknowledged == "ann"
    assert alert.silenced_until_ns is not None
    assert site.ask("/alerts", ann, {"id": "1", "act": "unsilence"})[0] == 303
    assert store.reader().alerts()[0].silenced_until_ns is None
    for form in ({"id": "99", "act": "acknowledge"}, {"id": "1", "act": "explode"}, {"act": "silence"}, {}):
        assert site.ask("/alerts", ann, form)[0] == 400


def test_nobody_asks_without_end(serve: Callable[..., Site], filled: Path) -> None:
    site = serve(filled, limit=RequestLimit(0.01, 3))
    assert [site.ask("/healthz")[0] for _ in range(4)] == [200, 200, 200, 429]
    assert 1 <= int(site.ask("/healthz")[1]["retry-after"]) <= 100
