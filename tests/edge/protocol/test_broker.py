from pathlib import Path

import pytest

from edge.device.sync import open_transport
from edge.errors import ConfigError
from edge.protocol.broker import Broker


@pytest.mark.parametrize(
    ("uri", "host", "port", "tls"),
    [
        ("mqtt://line-3", "line-3", 1883, False),
        ("mqtts://line-3", "line-3", 8883, True),
        ("mqtt://10.0.0.1:1884/", "10.0.0.1", 1884, False),
        ("mqtt://[::1]:1885", "::1", 1885, False),
    ],
)
def test_an_address_says_host_port_and_tls(uri: str, host: str, port: int, tls: bool) -> None:
    broker = Broker.parse(uri)
    assert (broker.host, broker.port, broker.tls) == (host, port, tls)
    assert Broker.parse(str(broker)) == broker


@pytest.mark.parametrize(
    "uri",
    [
        "mqtt://",
        "mqtt:line",
        "http://line",
        "mqtt://line:99999",
        "mqtt://line:x",
        "mqtt://line/path",
        "line:1883",
        "",
        "mqtt://[::1",
    ],
)
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="broker"):
        open_transport(uri)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="password_file") as caught:
        open_transport("mqtt://me:secret@line")
    assert "secret" not in str(caught.value)


def test_the_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("pass word\r\n\n")
    broker = Broker.parse("mqtt://me@line", password_file=file)
    assert (broker.user, broker.password()) == ("me", "pass word")


def test_a_missing_file_is_said_before_anything_connects(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"password_file.*nowhere"):
        open_transport("mqtt://line", user="me", password_file=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"TLS.*nowhere"):
        open_transport("mqtts://line", ca=tmp_path / "nowhere")


def test_certificates_without_tls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mqtts://"):
        Broker.parse("mqtt://line", ca=tmp_path)
    with pytest.raises(ConfigError, match="together"):
        Broker.parse("mqtts://line", cert=tmp_path)
    with pytest.raises(ConfigError, match="user"):
        Broker.parse("mqtt://line", password_file=tmp_path)
