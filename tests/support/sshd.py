"""A real OpenSSH server on the loopback interface, behind which any number of devices live: each a folder of its own,
in which the ``edge`` command of this project runs.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
START_S = 20.0

SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
AcceptEnv DEVICE
ForceCommand {folder}/enter
"""

CLIENT = """
Host *
  User {user}
  IdentityFile {folder}/client_key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  HostKeyAlias devices
  HostName 127.0.0.1
  Port {port}
"""

ENTER = """#!/bin/sh
# The device that the client names: its home, its own programs first. Real devices have a processor each: here the
# daemons go before, so that twenty commands at once do not look to them like a model that is too slow.
cd "{folder}/devices/$DEVICE" || exit 1
HOME="$PWD" PATH="$PWD/bin:$PATH" exec nice -n 10 /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""

EDGE = """#!/bin/sh
PYTHONPATH="{project}" exec "{python}" -m edge.cli.main "$@"
"""


class Sshd:
    """``.config`` is for ``ssh -F``; ``ssh -F … line-3`` is the device in ``.home("line-3")``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.config = folder / "ssh_config"
        for name in ("host_key", "client_key", "other_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        places = {"folder": folder, "port": self.port, "user": getpass.getuser()}
        (folder / "sshd_config").write_text(SERVER.format(**places))
        (folder / "known_hosts").write_text(f"devices {(folder / 'host_key.pub').read_text()}")
        (folder / "enter").write_text(ENTER.format(**places))
        (folder / "enter").chmod(0o755)
        self._common = CLIENT.format(**places)
        self._hosts = ""
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, name: str, **settings: object) -> Path:
        """A device; ``settings`` go before those of all hosts, as in ssh_config. Returns its home."""
        home = self.home(name)
        (home / "bin").mkdir(parents=True)
        command = home / "bin" / "edge"
        command.write_text(EDGE.format(project=PROJECT, python=sys.executable))
        command.chmod(0o755)
        lines = [f"Host {name}", f"  SetEnv DEVICE={name}", *(f"  {key} {value}" for key, value in settings.items())]
        self._hosts += "\n".join(lines) + "\n"
        self.config.write_text(self._hosts + self._common)
        return home

    def home(self, name: str) -> Path:
        return self.folder / "devices" / name

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text()

    def start(self) -> None:
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "sshd is not installed; deploy/setup/packages.sh test installs it"
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "sshd.log").open("w") as log:
            command = [program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
            self._process = subprocess.Popen(command, stderr=log)
        until = time.monotonic() + START_S
        while not listens(self.port):
            assert self._process.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
