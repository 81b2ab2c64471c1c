#!/usr/bin/env python3
"""Files for the boot partition of an SD card, from one file of settings: ``card.py card.toml OUT``.

The system on the card must run cloud-init and read its NoCloud files from the boot partition, as Raspberry Pi OS and
Ubuntu do. Into OUT (the mounted boot partition, or a new folder) go user-data, meta-data, network-config, and edge/
with the installer, the packages, the configuration and the model; the first boot needs no network. Needs only Python.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REQUIRED = ("host", "ssh_keys", "model", "wheels")
DEFAULTS: dict[str, Any] = {
    "device": "",
    "site": "",
    "line": "",
    "broker": "",
    "source": "camera://0",
    "gate": "none",
    "reject": [],
    "trust": "",
    "user": "edge-admin",
    "timezone": "Etc/UTC",
    "boot": "/boot/firmware",
    "network": {},
}
FILES = ("model", "trust", "wheels")
NETWORK = {"interface": "eth0", "address": "", "gateway": "", "nameservers": []}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
CARRIED = ("provision", "systemd", "setup")


class WrongSettingsError(Exception):
    """One line: the key, what was expected, the way out."""


def main(words: list[str]) -> int:
    """Status 0, 2 for a wrong command line, 3 for wrong settings."""
    if len(words) != 2 or words[0].startswith("-"):
        sys.stderr.write("usage: card.py SETTINGS.toml OUT\n" + (__doc__ or ""))
        return 0 if words == ["--help"] else 2
    try:
        settings = read(Path(words[0]))
        write(settings, Path(words[1]))
    except WrongSettingsError as error:
        sys.stderr.write(f"card.py: {words[0]}: {error}\n")
        return 3
    sys.stdout.write(f"{words[1]}: ready for {settings['host']}\n")
    return 0


def read(path: Path) -> dict[str, Any]:
    """The settings, checked and with defaults; paths made absolute. Raises WrongSettingsError."""
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongSettingsError(f"cannot be read: {error}; expected TOML, such as {HERE / 'card.toml'}") from None
    _refuse_unknown(given, (*REQUIRED, *DEFAULTS), "")
    for key in REQUIRED:
        if not given.get(key):
            raise WrongSettingsError(f"{key}: missing; see {HERE / 'card.toml'}")
    settings = DEFAULTS | given
    _check_types(settings, DEFAULTS | {"host": "", "ssh_keys": [], "model": "", "wheels": ""})
    _check(settings)
    settings["device"] = settings["device"] or settings["host"]
    for key in FILES:
        if settings[key]:
            settings[key] = _existing(path.parent / settings[key], key)
    return settings


def write(settings: Mapping[str, Any], out: Path) -> None:
    """Everything into ``out``; what is there of the same name is replaced. Raises WrongSettingsError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        _carry(settings, out / "edge")
        for name, text in texts(settings).items():
            (out / name).write_text(text, "utf-8")
    except OSError as error:
        raise WrongSettingsError(f"{error.filename or out}: {error.strerror or error}") from None


def texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """The files that are written from templates, by their paths in the boot partition."""
    boot = f"{settings['boot']}/edge"
    install = ["bash", f"{boot}/provision/install.sh", "--wheels", f"{boot}/wheels"]
    install += ["--config", f"{boot}/edge.toml", "--model", f"{boot}/model.tflite"]
    if settings["trust"]:
        install += ["--trust", f"{boot}/trusted.pub"]
    user_data = _filled(HERE / "user-data", {**settings, "install": install})
    # cloud-init does all of it again when the id is another one.
    number = hashlib.sha256(user_data.encode()).hexdigest()[:12]
    return {
        "user-data": user_data,
        "meta-data": f"instance-id: {settings['host']}-{number}\nlocal-hostname: {settings['host']}\n",
        "network-config": _network(settings["network"]),
        "edge/edge.toml": _filled(HERE / "edge.toml", settings),
    }


def _filled(template: Path, values: Mapping[str, Any]) -> str:
    """JSON is YAML, and its strings and lists of strings are TOML's."""

    def value(match: re.Match[str]) -> str:
        return json.dumps(values[match[1]], ensure_ascii=False)

    return re.sub(r"@(\w+)@", value, template.read_text("utf-8"))


def _network(network: Mapping[str, Any]) -> str:
    """Version 2, as netplan. DHCP where no address is given."""
    wanted = NETWORK | dict(network)
    interface: dict[str, Any] = {"dhcp4": not wanted["address"], "optional": True}
    if wanted["address"]:
        interface["addresses"] = [wanted["address"]]
    if wanted["gateway"]:
        interface["routes"] = [{"to": "default", "via": wanted["gateway"]}]
    if wanted["nameservers"]:
        interface["nameservers"] = {"addresses": wanted["nameservers"]}
    return json.dumps({"version": 2, "ethernets": {wanted["interface"]: interface}}, indent=2) + "\n"


def _carry(settings: Mapping[str, Any], folder: Path) -> None:
    for name in CARRIED:
        shutil.copytree(HERE.parent / name, folder / name, dirs_exist_ok=True, copy_function=shutil.copyfile)
    shutil.copytree(settings["wheels"], folder / "wheels", dirs_exist_ok=True, copy_function=shutil.copyfile)
    shutil.copyfile(settings["model"], folder / "model.tflite")
    if settings["trust"]:
        shutil.copyfile(settings["trust"], folder / "trusted.pub")


def _check(settings: Mapping[str, Any]) -> None:
    for key in ("host", "user"):
        if not NAME.fullmatch(settings[key]):
            raise WrongSettingsError(f"{key}: expected 1 to 63 letters, digits or dashes, got {settings[key]!r}")
    for key in settings["ssh_keys"]:
        if not isinstance(key, str) or not re.match(r"(ssh|ecdsa|sk)-[\w@.-]+ [A-Za-z0-9+/=]{20,}( |$)", key):
            raise WrongSettingsError(f"ssh_keys: expected public keys such as 'ssh-ed25519 AAAA...', got {key!r:.60}")
    _refuse_unknown(settings["network"], tuple(NETWORK), "network.")
    _check_types(settings["network"], NETWORK, "network.")


def _check_types(given: Mapping[str, Any], samples: Mapping[str, Any], where: str = "") -> None:
    for key, value in given.items():
        if not isinstance(value, type(samples[key])):
            kind = {"str": "a text", "list": "a list of texts", "dict": "a table"}[type(samples[key]).__name__]
            raise WrongSettingsError(f"{where}{key}: expected {kind}, got {value!r:.60}")


def _refuse_unknown(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in known:
            raise WrongSettingsError(f"{where}{key}: unknown; known are {', '.join(sorted(known))}")


def _existing(path: Path, key: str) -> Path:
    if not path.exists():
        raise WrongSettingsError(f"{key}: {path}: no such file or folder")
    return path.resolve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
