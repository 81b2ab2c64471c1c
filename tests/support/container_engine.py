"""A container engine: the one that answers, or one of this run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

from edge.errors import EdgeError

ROOT = Path(__file__).resolve().parents[2]
BASE, SUITE = "debian:bookworm-slim", "bookworm"
CONFIGURE = """FROM edge-boot-base
COPY ca /usr/local/share/ca-certificates
COPY pip/ /etc/
RUN update-ca-certificates
"""
"""This machine's own certificate authorities and pip's settings, which a build needs behind a proxy."""


class Engine:
    """Docker with Debian's client, which has BuildKit in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = os.environ | {
            "PATH": f"/usr/sbin:/usr/bin:{os.environ.get('PATH', '')}",
            "DOCKER_BUILDKIT": "1",
            "COMPOSE_DOCKER_CLI_BUILD": "1",
        }
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Engine:
        if os.geteuid() != 0:
            raise EdgeError("needs root; run it with sudo")
        if not self.answers():
            self._start()
        return self

    def answers(self) -> bool:
        done = subprocess.run(["docker", "info"], env=self._environment, capture_output=True, check=False)
        return done.returncode == 0

    def _start(self) -> None:
        place, socket = self._folder / "engine", f"unix://{self._folder}/docker.sock"
        words = ["--data-root", place / "data", "--exec-root", place / "exec", "--pidfile", place / "pid"]
        place.mkdir()
        with (self._folder / "dockerd.log").open("w") as log:
            command = ["dockerd", *words, "--host", socket]
            self._daemon = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        self._environment["DOCKER_HOST"] = socket
        until = time.monotonic() + 60
        while not self.answers():
            if self._daemon.poll() is not None or time.monotonic() > until:
                self._stop()
                last = (self._folder / "dockerd.log").read_text().splitlines()[-1:]
                raise EdgeError(f"no container engine answers and dockerd does not start: {' '.join(last)}")
            time.sleep(0.2)

    def _stop(self) -> None:
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGTERM)
            self._daemon.wait(60)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode != 0:
            raise EdgeError(f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}")
        return done.stdout

    def make_base(self) -> None:
        """The Containerfile's base image from Debian's packages. An engine that was there has its own."""
        if self._daemon is None:
            return
        archive, context = self._folder / "base.tar", self._folder / "base"
        self.run("mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", SUITE, str(archive))
        self.run("docker", "import", str(archive), "edge-boot-base")
        archive.unlink()
        for name, found in (("ca", "/usr/local/share/ca-certificates"), ("pip", "/etc/pip.conf")):
            (context / name).mkdir(parents=True)
            if Path(found).is_dir():
                shutil.copytree(found, context / name, dirs_exist_ok=True)
            elif Path(found).exists():
                shutil.copy(found, context / name)
        (context / "Dockerfile").write_text(CONFIGURE)
        self.run("docker", "build", "--tag", BASE, str(context))
