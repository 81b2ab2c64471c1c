import base64
import json
from pathlib import Path

import pytest

from edge.device.sync import Outgoing, open_transport
from edge.errors import ConfigError, LinkError


def test_a_message_becomes_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a b.jsonl"
    transport = open_transport(path.as_uri())
    transport.connect()
    transport.publish(Outgoing("edge/v1/d/drift/m", b'{\n "p": "\xc3\xa4"}', retain=True, expiry_s=5))
    transport.publish(Outgoing("edge/v1/d/raw", b"\xff\n", content_type="application/octet-stream"))
    assert [a.ok for a in transport.poll(1.0)] == [True, True]
    transport.close()
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["topic"], first["payload"], first["retain"], first["expiry_s"]) == (
        "edge/v1/d/drift/m",
        {"p": "ä"},
        True,
        5,
    )
    assert base64.b64decode(second["payload_base64"]) == b"\xff\n"


def test_a_line_torn_by_a_power_cut_spoils_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"topic": "edge/v1/d/sta')
    transport = open_transport(path.as_uri())
    transport.connect()
    transport.publish(Outgoing("t", b"1"))
    transport.poll(0.1)
    assert json.loads(path.read_text().splitlines()[1])["payload"] == 1
    transport.close()


def test_nothing_is_acknowledged_that_the_disk_refused() -> None:
    transport = open_transport("file:///dev/full")
    transport.connect()
    transport.publish(Outgoing("t", b"1"))
    with pytest.raises(LinkError, match="/dev/full: No space"):
        transport.poll(0.1)
    transport.close()


@pytest.mark.parametrize("uri", ["file:out.jsonl", "file://out.jsonl", "file://host/out.jsonl", "file:"])
def test_a_path_must_be_absolute(uri: str) -> None:
    with pytest.raises(ConfigError, match="three slashes"):
        open_transport(uri)
