"""An SD card's files for cloud-init, as cloud-init itself and ours read them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.device.config import load_config

PROVISION = Path(__file__).resolve().parents[2] / "deploy" / "provision"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPR1ntedF0rAnExampleOnly0123456789abcdefghijkl me@here"


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Path]:
    """``settings(host="line-1")``: a file of settings, and what it names."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "edgeline-0.1.0-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "cookie.tflite").write_bytes(b"model")
    (tmp_path / "works.pem.pub").write_bytes(b"key")

    def write(more: str = "", **changed: object) -> Path:
        values = {"host": "line-1", "ssh_keys": [KEY], "model": "cookie.tflite", "wheels": "wheels"} | changed
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        path = tmp_path / "card.toml"
        path.write_text("\n".join(lines) + f"\n{more}\n", "utf-8")
        return path

    return write


def card(path: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROVISION / "card.py"), str(path), str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({}, ""),
        ({"site": 'a "quoted" site: {x}', "trust": "works.pem.pub", "ssh_keys": [KEY, KEY]}, ""),
        ({"timezone": "Europe/Berlin"}, '[network]\naddress = "192.168.7.11/24"\nnameservers = ["192.168.7.1"]'),
    ],
)
@pytest.mark.system
def test_cloud_init_accepts_what_is_written(
    settings: Callable[..., Path], tmp_path: Path, changed: dict[str, object], more: str
) -> None:
    done = card(settings(more, **changed), tmp_path / "out")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out'}: ready for line-1\n"), done.stderr
    command = ["cloud-init", "schema", "--config-file", str(tmp_path / "out" / "user-data")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Valid" in said.stdout + said.stderr


@pytest.mark.system
def test_cloud_inits_schema_tells_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "user-data"
    wrong.write_text("#cloud-config\nruncmd: 7\n")
    command = ["cloud-init", "schema", "--config-file", str(wrong)]
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode != 0


def test_the_configuration_on_the_card_is_one_of_ours(settings: Callable[..., Path], tmp_path: Path) -> None:
    path = settings(broker="mqtts://broker.plant", reject=["broken"], gate="serial:///dev/edge-gate", device="oven-2")
    assert card(path, tmp_path / "out").returncode == 0
    config = load_config(tmp_path / "out" / "edge" / "edge.toml")
    assert (config.device.id, config.device.state) == ("oven-2", Path("/var/lib/edge"))
    assert (config.sync.broker, config.decide.reject) == ("mqtts://broker.plant", ("broken",))
    assert config.sync.key is not None
    assert config.sync.key.name == "edge.key"


def test_all_that_the_first_boot_runs_is_on_the_card(settings: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert card(settings(trust="works.pem.pub"), out).returncode == 0
    runcmd = (out / "user-data").read_text("utf-8").split("runcmd:\n  - ")[1]
    named = [Path(word) for word in json.loads(runcmd) if word.startswith("/boot/firmware/")]
    assert len(named) == 5
    for path in named:
        assert (out / path.relative_to("/boot/firmware")).exists(), path
    assert (out / "edge" / "systemd" / "edge.service").is_file()
    assert (out / "edge" / "trusted.pub").read_bytes() == b"key"


def test_a_changed_card_is_a_new_instance(settings: Callable[..., Path], tmp_path: Path) -> None:
    ids = []
    for timezone in ("Etc/UTC", "Etc/UTC", "Europe/Berlin"):
        card(settings(timezone=timezone), tmp_path / "out")
        ids.append((tmp_path / "out" / "meta-data").read_text("utf-8"))
    assert ids[0] == ids[1] != ids[2]


def test_the_network_is_dhcp_unless_an_address_is_given(settings: Callable[..., Path], tmp_path: Path) -> None:
    card(settings(), tmp_path / "out")
    network = json.loads((tmp_path / "out" / "network-config").read_text("utf-8"))
    assert network == {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "optional": True}}}
    card(settings('[network]\naddress = "10.0.0.2/8"\ngateway = "10.0.0.1"'), tmp_path / "out")
    network = json.loads((tmp_path / "out" / "network-config").read_text("utf-8"))
    assert network["ethernets"]["eth0"] == {
        "dhcp4": False,
        "optional": True,
        "addresses": ["10.0.0.2/8"],
        "routes": [{"to": "default", "via": "10.0.0.1"}],
    }


@pytest.mark.parametrize(
    ("changed", "more", "reason"),
    [
        ({"hosts": "x"}, "", "hosts: unknown; known are boot, broker"),
        ({"host": ""}, "", "host: missing; see"),
        ({"host": "a b"}, "", "host: expected 1 to 63 letters, digits or dashes, got 'a b'"),
        ({"site": 7}, "", "site: expected a text, got 7"),
        ({"ssh_keys": ["PRIVATE"]}, "", "ssh_keys: expected public keys such as"),
        ({"model": "none.tflite"}, "", "none.tflite: no such file or folder"),
        ({}, "[network]\nip = 1", "network.ip: unknown; known are address"),
        ({}, "[network]\naddress = 1", "network.address: expected a text, got 1"),
        ({}, "nonsense", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_one_line_and_nothing_is_written(
    settings: Callable[..., Path], tmp_path: Path, changed: dict[str, object], more: str, reason: str
) -> None:
    done = card(settings(more, **changed), tmp_path / "out")
    assert done.returncode == 3
    assert done.stderr.startswith(f"card.py: {tmp_path / 'card.toml'}: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_example_is_complete(settings: Callable[..., Path], tmp_path: Path) -> None:
    settings()
    (tmp_path / "card.toml").write_text((PROVISION / "card.toml").read_text("utf-8"), "utf-8")
    assert card(tmp_path / "card.toml", tmp_path / "out").returncode == 0
