from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.monitor.web.settings import LOOPBACK, Access, ListenAddress, parse_access, parse_place


def access(
    place: ListenAddress, token: Path | None = None, header: str = "", proxies: tuple[str, ...] = ()
) -> Access:
    return parse_access(place, token_file=token, header=header, proxies=proxies, names=("monitor.factory",))


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef\n")
    return path


@pytest.mark.parametrize(
    ("text", "place", "url"),
    [
        ("127.0.0.1:8080", ListenAddress("127.0.0.1", 8080), "http://127.0.0.1:8080/"),
        ("[::1]:0", ListenAddress("::1", 0), "http://[::1]:0/"),
        ("monitor.factory:443", ListenAddress("monitor.factory", 443), "http://monitor.factory:443/"),
    ],
)
def test_a_place_is_host_and_port(text: str, place: ListenAddress, url: str) -> None:
    found = parse_place(text)
    assert found == place
    assert found.url(found.port) == url


@pytest.mark.parametrize("text", ["", "8080", "host", "host:", "host:99999", "::1:80", "a b:80", "http://x:80"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        parse_place(text)


def test_a_certificate_comes_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both or neither"):
        parse_place("host:443", tmp_path / "cert.pem", None)
    with pytest.raises(ConfigError, match=r"key\.pem"):
        (tmp_path / "cert.pem").touch()
        parse_place("host:443", tmp_path / "cert.pem", tmp_path / "key.pem")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.9", "monitor.factory"])
def test_the_open_house_is_for_this_machine_only(host: str, token: Path) -> None:
    with pytest.raises(ConfigError, match=r"--token-file FILE .*--trust-header NAME"):
        access(ListenAddress(host, 80))
    assert access(ListenAddress(host, 80), token).token == "0123456789abcdef"
    assert access(ListenAddress(host, 80), header="X-Remote-User").header == "x-remote-user"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_nobody_is_asked_and_only_its_names_are_known(host: str) -> None:
    found = access(ListenAddress(host, 80))
    assert found.open
    assert found.names == ("localhost", "127.0.0.1", "::1", "monitor.factory")


@pytest.mark.parametrize("content", ["", "short", "0123456789 abcdef", "0123456789abcdé\n", "\x00" * 20])
def test_a_token_that_is_none_is_refused_with_the_way_to_make_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(ConfigError, match="openssl rand"):
        access(ListenAddress("0.0.0.0", 80), path)


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing-here"):
        access(ListenAddress("0.0.0.0", 80), tmp_path / "nothing-here")


def test_a_proxy_is_believed_from_this_machine_or_from_where_it_was_said_to_be() -> None:
    place = ListenAddress("0.0.0.0", 80)
    assert access(place, header="X-User").proxies == LOOPBACK
    assert [str(one) for one in access(place, header="X-User", proxies=("10.1.0.0/16",)).proxies] == ["10.1.0.0/16"]
    with pytest.raises(ConfigError, match="a network"):
        access(place, header="X-User", proxies=("everywhere",))
    with pytest.raises(ConfigError, match="--trust-header"):
        access(place, header="X User")
    with pytest.raises(ConfigError, match="only"):
        access(ListenAddress("localhost", 80), Path("x"), proxies=("10.0.0.1",))
