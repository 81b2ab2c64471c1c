"""The configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.device.config import load_config
from edge.errors import ConfigError

GOOD = """
[device]
id = "line-1"
[source]
uri = "photos"
[model]
path = "m.tflite"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_smallest_configuration_names_device_source_and_model(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.device.id == "line-1"
    assert config.sync.broker == ""
    assert config.drift.window == 200


def test_relative_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, GOOD)
    monkeypatch.chdir("/")
    config = load_config(path)
    assert config.model.path == tmp_path / "m.tflite"
    assert config.device.state == tmp_path / "state"
    assert config.source[0].uri == str(tmp_path / "photos")


def test_absolute_paths_and_uris_stay_as_they_are(tmp_path: Path) -> None:
    text = GOOD.replace('"photos"', '"sim://line"').replace('"m.tflite"', '"/models/m.tflite"')
    config = load_config(write(tmp_path, text))
    assert config.source[0].uri == "sim://line"
    assert config.model.path == Path("/models/m.tflite")


def test_a_delegate_is_a_path_relative_to_the_file_or_a_name_that_the_system_knows(tmp_path: Path) -> None:
    text = GOOD + 'delegate = "{}"\ndelegate_options = {{ fast = true, power = 3 }}\n'
    for given, expected in (
        ("lib/x.so", f"{tmp_path}/lib/x.so"),
        ("/usr/lib/x.so", "/usr/lib/x.so"),
        ("libx.so.1", "libx.so.1"),
    ):
        delegate = load_config(write(tmp_path, text.format(given))).model.wanted.delegate
        assert str(delegate) == f"{expected}?fast=true&power=3"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[device]", "[devcie]", "devcie: unknown key; did you mean 'device'?"),
        ('id = "line-1"', 'id = "line 1"', "device.id: expected 1 to 63 letters"),
        ('id = "line-1"', 'id = "line-1"\nsite = "a/b"', "device.site: expected"),
        ('uri = "photos"', "uri = 3", "source.uri: expected a string, got 3"),
        (
            'uri = "photos"',
            'uri = "p"\npolicy = "lates"',
            "source.policy: expected 'latest' or 'every' or 'adaptive', got 'lates'",
        ),
        (
            'path = "m.tflite"',
            'path = "m.tflite"\nthreads = 0',
            "model.threads: expected a number from 1 to 64, got 0",
        ),
        (
            'path = "m.tflite"',
            'path = "m.tflite"\ndelegate_options = { x = 1 }',
            "model.delegate_options: there is no model.delegate to give them to",
        ),
        (
            'path = "m.tflite"',
            'path = "m.tflite"\ndelegate = "a.so"\ndelegate_options = { x = [1] }',
            "delegate option 'x': expected a string, a number or a truth value, got [1]",
        ),
        (
            'path = "m.tflite"',
            'path = "m.tflite"\n[buffer]\ncap = 3',
            "buffer.cap: unknown key; did you mean 'cap_mb'?",
        ),
        ('path = "m.tflite"', 'path = "m.tflite"\n[sync]\ncert = "c.pem"', "sync.cert and sync.key: expected both"),
        ('path = "m.tflite"', 'path = "m.tflite"\n[sync]\nroot = "a/#"', "sync.root: expected topic levels"),
        (
            'path = "m.tflite"',
            'path = "m.tflite"\n[health]\nprometheus = "9095"',
            "health.prometheus: expected host:port, e.g. 127.0.0.1:9095, got '9095'",
        ),
        ('path = "m.tflite"', 'path = "m.tflite', "not valid TOML"),
        ('path = "m.tflite"', 'path = "m.tflite"\n[[cascade]]\nthreads = 2', "cascade.path: missing"),
    ],
)
def test_a_mistake_names_file_key_value_and_what_was_expected(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "none.toml")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)
