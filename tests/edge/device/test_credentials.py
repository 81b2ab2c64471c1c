"""Secrets that systemd hands over, named in a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.device.config import load_config
from edge.device.credentials import STORE, awaited, located
from edge.device.line import run_line
from edge.errors import ConfigError


def test_a_path_is_relative_to_the_configuration(tmp_path: Path) -> None:
    assert located(Path("device.key"), tmp_path) == tmp_path / "device.key"
    assert located(Path("/etc/device.key"), tmp_path) == Path("/etc/device.key")


def test_a_credential_is_in_the_services_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert located(Path("credential:edge.key"), Path("/etc/edge")) == tmp_path / "edge.key"


def test_by_hand_it_is_where_systemd_takes_it_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert located(Path("credential:edge.key"), Path("/etc/edge")) == STORE / "edge.key"


@pytest.mark.parametrize("text", ["credential:", "credential:../shadow", "credential:.hidden"])
def test_a_credential_has_a_plain_name(text: str, tmp_path: Path, write_config: Callable[..., Path]) -> None:
    path = write_config(extra=f'key = "{text}"')
    with pytest.raises(ConfigError, match=r"edge\.toml: credential:.*expected the name of a credential"):
        load_config(path)


def test_a_configuration_may_name_them(
    tmp_path: Path, write_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    config = load_config(write_config(extra='cert = "edge.pem"\nkey = "credential:edge.key"'))
    assert config.sync.key == tmp_path / "edge.key"


def test_only_credentials_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "edge.ca").touch()
    assert awaited(tmp_path / "edge.ca", tmp_path / "edge.key", Path("/nowhere/key"), None) == [tmp_path / "edge.key"]


def test_a_line_that_is_not_enrolled_yet_judges_and_keeps_what_it_has_to_say(
    tmp_path: Path,
    write_config: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "credentials").mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    files = "".join(f'{name} = "credential:edge.{name}"\n' for name in ("ca", "cert", "key"))
    report = run_line(load_config(write_config(broker="mqtts://127.0.0.1:8883", extra=files)))
    assert (report.judged, report.lost) == (30, 0)
    assert report.pending > 0
    assert "not enrolled: there is no credential edge.ca, edge.cert, edge.key yet" in caplog.text
