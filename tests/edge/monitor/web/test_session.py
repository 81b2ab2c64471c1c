import ipaddress

import pytest
from starlette.datastructures import Headers

from edge.monitor.web.session import LASTS_S, Sessions
from edge.monitor.web.settings import Access

TOKEN = "0123456789abcdef"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def cookie_of(sessions: Sessions) -> Headers:
    return Headers({"cookie": "other=1; " + sessions.cookie(secure=False).split(";")[0]})


def test_a_session_lasts_twelve_hours_and_not_longer() -> None:
    clock = Clock()
    sessions = Sessions(Access(TOKEN), clock)
    headers = cookie_of(sessions)
    assert sessions.user(headers, "10.0.0.9") == "token"
    clock.now += LASTS_S - 1
    assert sessions.user(headers, "10.0.0.9") == "token"
    clock.now += 1
    assert sessions.user(headers, "10.0.0.9") == ""


def test_it_outlives_a_restart_but_not_a_new_token() -> None:
    headers = cookie_of(Sessions(Access(TOKEN), Clock()))
    assert Sessions(Access(TOKEN), Clock()).user(headers, "") == "token"
    assert Sessions(Access(TOKEN + "x"), Clock()).user(headers, "") == ""


@pytest.mark.parametrize(
    "value", ["", ".", "9999999999", "9999999999.", "9999999999.00", "x.y", "1.2.3", '"', "é.é", "٣.٣", "=;,"]
)
def test_a_made_up_session_is_none(value: str) -> None:
    headers = Headers(raw=[(b"cookie", f"edge_session={value}".encode())])
    assert Sessions(Access(TOKEN), Clock()).user(headers, "") == ""


def test_a_longer_time_breaks_the_signature() -> None:
    sessions = Sessions(Access(TOKEN), Clock())
    until, _, signature = sessions.cookie(secure=False).split(";")[0].removeprefix("edge_session=").partition(".")
    forged = Headers({"cookie": f"edge_session={int(until) + 1}.{signature}"})
    assert sessions.user(forged, "") == ""


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    text = Sessions(Access(TOKEN)).cookie(secure=True)
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(text.split("; "))
    assert "Secure" not in Sessions(Access(TOKEN)).cookie(secure=False)


@pytest.mark.parametrize(
    ("header", "user"),
    [
        (f"Bearer {TOKEN}", "token"),
        (f"bearer {TOKEN}", "token"),
        ("Bearer ", ""),
        ("Bearer x", ""),
        (f"Basic {TOKEN}", ""),
    ],
)
def test_a_program_gives_the_token_itself(header: str, user: str) -> None:
    assert Sessions(Access(TOKEN)).user(Headers({"authorization": header}), "") == user


def test_without_a_token_no_bearer_is_anybody() -> None:
    assert Sessions(Access()).user(Headers({"authorization": "Bearer "}), "127.0.0.1") == ""


@pytest.mark.parametrize(
    ("peer", "user"),
    [
        ("10.1.2.3", "ann"),
        ("::ffff:10.1.2.3", "ann"),
        ("10.2.0.1", ""),
        ("127.0.0.1", ""),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_a_proxys_word_counts_from_where_the_proxy_is(peer: str, user: str) -> None:
    sessions = Sessions(Access(header="x-user", proxies=(ipaddress.ip_network("10.1.0.0/16"),)))
    assert sessions.user(Headers({"X-User": " ann "}), peer) == user
