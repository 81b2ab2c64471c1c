"""A whole machine to try things on: this one's files in a throw-away copy (overlayfs), with systemd as its process 1
(systemd-nspawn). It has a loopback network and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

BOOT_S = 60.0
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
TARGET = "line.target"
_NUMBERS = count()
"""Each machine's name is its own: systemd keeps a folder of a name for a while after its end."""
SERVICES = ("dbus.service", "systemd-journald.service", "systemd-udevd.service")
"""What this machine runs besides is none of the test's business, and costs time."""


class Machine:
    """Not booted yet; ``root`` is its root folder. ``folder`` is on a real file system: a tmpfs lacks what
    an upper layer needs on some kernels.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self._console: subprocess.Popen[bytes] | None = None
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir=/,upperdir={folder / 'upper'},workdir={folder / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)], check=True)

    def chroot(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in its files, while it is off."""
        return _done(["chroot", str(self.root), *words])

    def boot(self) -> None:
        """Until systemd takes orders; what is enabled of ours is being started."""
        wants = (path.name for path in self.root.glob("etc/systemd/system/multi-user.target.wants/edge*"))
        target = f"[Unit]\nRequires=basic.target\nAfter=basic.target\nWants={' '.join((*SERVICES, *wants))}\n"
        (self.root / "etc/systemd/system" / TARGET).write_text(target)
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"]
        # Which devices a service may use, and which addresses, systemd tells the kernel by BPF.
        command += ["--system-call-filter=bpf"]
        command += [f"--directory={self.root}", f"--machine=line-{os.getpid()}-{next(_NUMBERS)}", "--link-journal=no"]
        command += ["--console=pipe", "--boot"]
        environment = os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        command += [f"systemd.unit={TARGET}"]
        with (self.folder / "console.log").open("wb") as log:
            self._console = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        self.wait(lambda: self.run("systemctl", "is-active", "dbus.service").returncode == 0, BOOT_S)

    def run(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command on the running machine, as root."""
        return _done([*self.inside(), *words], text)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A program on the running machine, in the background."""
        return subprocess.Popen([*self.inside(), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def inside(self) -> list[str]:
        """What a command begins with that is to run there."""
        assert self._console is not None
        assert self._console.poll() is None, (self.folder / "console.log").read_text("utf-8", "replace")
        children = Path(f"/proc/{self._console.pid}/task/{self._console.pid}/children").read_text().split()
        target = ["--target", children[0] if children else "0", "--all", "--root", "--wd"]
        return ["nsenter", *target, "env", "-i", f"PATH={PATH}"]

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """``systemctl show``."""
        done = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties))
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def wait(self, condition: Callable[[], bool], within_s: float = 30.0) -> None:
        until = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < until, self._excerpt()
            time.sleep(0.1)

    def close(self) -> None:
        """Off, and all that was written is gone."""
        if self._console is not None:
            self._console.terminate()
            self._console.wait(30)
        subprocess.run(["umount", str(self.root)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _excerpt(self) -> str:
        console = (self.folder / "console.log").read_text("utf-8", "replace")[-2000:]
        journal = self.run("journalctl", "--no-pager", "--output=cat", "--lines=40").stdout
        return re.sub(r"\x1b\[[0-9;]*m", "", f"{console}\n{journal}")


def require_root() -> None:
    """Skips without root, which under CI there is."""
    if os.geteuid() != 0:
        reason = "a machine of one's own takes root (overlayfs, systemd-nspawn)"
        pytest.fail(f"{reason}; nothing is skipped under CI") if os.environ.get("CI") else pytest.skip(reason)


def _done(command: list[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text or "", capture_output=True, text=True, timeout=300, check=False)
