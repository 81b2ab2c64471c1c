"""A plant's certificates, made by the scripts in deploy/, and its broker."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device.sync import Acknowledgement, Outgoing, open_transport

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TLS = DEPLOY / "mosquitto" / "tls.conf"
ACL = DEPLOY / "mosquitto" / "acl"


@dataclass(frozen=True)
class Authority:
    """``deploy/mosquitto/ca.sh`` in a folder."""

    folder: Path

    def __call__(self, command: str, *words: str) -> str:
        done = self.tried(command, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tried(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        return script("mosquitto/ca.sh", command, str(self.folder), *words)

    def identity(self, name: str) -> dict[str, Any]:
        """Options of ``open_transport``."""
        return {
            "ca": self.folder / "ca.pem",
            "cert": self.folder / "certs" / f"{name}.pem",
            "key": self.folder / "keys" / f"{name}.key",
        }

    def past(self, name: str) -> None:
        """A certificate for ``name`` that was valid for a day in 2020."""
        self("device", name)
        words = ["openssl", "ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", "client"]
        words += ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-subj", f"/CN={name}"]
        words += ["-in", f"requests/{name}.csr", "-out", f"certs/{name}.pem"]
        subprocess.run(words, cwd=self.folder, env={"EDGE_NAMES": "DNS:unused"}, check=True, capture_output=True)


def script(name: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """A script below deploy/."""
    command = [str(DEPLOY / name), *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def tls_settings(folder: Path, authority: Path) -> dict[str, str]:
    """``tls.conf`` as it is shipped, with its folder and listener changed; the files are put there."""
    for source, name in (
        (authority / "ca.pem", "ca.pem"),
        (authority / "certs" / "broker.pem", "broker.pem"),
        (authority / "keys" / "broker.key", "broker.key"),
        (authority / "crl.pem", "crl.pem"),
        (ACL, "acl"),
    ):
        (folder / name).write_bytes(source.read_bytes())
        (folder / name).chmod(0o600)
    lines = (line.split(None, 1) for line in TLS.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return {name: value.replace("/etc/mosquitto/edge", str(folder)) for name, value in lines if name != "listener"}


def published(uri: str, topic: str, identity: Mapping[str, Any]) -> Acknowledgement:
    """What the broker says to a message on ``topic``."""
    with closing(open_transport(uri, client_id="test", **identity)) as transport:
        transport.connect()
        token = transport.publish(Outgoing(topic, b"{}"))
        for _ in range(100):
            for acknowledgement in transport.poll(0.1):
                if acknowledgement.token == token:
                    return acknowledgement
    raise AssertionError(f"{topic}: no answer")


def said(errors: str) -> str:
    """A script's error: one line."""
    lines = [line for line in errors.splitlines() if re.match(r"\w+\.sh: ", line)]
    assert len(lines) == 1, errors
    return lines[0]
