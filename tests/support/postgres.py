"""A PostgreSQL server of one's own: a cluster in a folder of its own, reached by a socket in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.errors import MissingError

START_S = 60.0
USER = "postgres"
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests of what is stored, not of whether it survives."""


class Postgres:
    """Listens nowhere but at its socket. ``settings`` override those of QUICK."""

    def __init__(self, settings: Mapping[str, str] = QUICK) -> None:
        """Makes the cluster. Raises MissingError when PostgreSQL is not installed."""
        self._programs = find_postgres()
        self.folder = Path(tempfile.mkdtemp(prefix="edge-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(self.folder, USER)  # initdb refuses root
        self._data = self.folder / "data"
        self._settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder)} | dict(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._schemas = 0
        self._run("initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Returns once it answers. Raises MissingError when it does not."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = self._as_user(["postgres", "-D", str(self._data), *options])
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + START_S
        while self._ask("SELECT 1") is None:
            if self._process.poll() is not None or time.monotonic() > until:
                raise MissingError(f"PostgreSQL did not start: {(self.folder / 'log').read_text('utf-8')[-500:]}")
            time.sleep(0.05)

    def url(self, schema: str = "public") -> str:
        options = urllib.parse.quote(f"-csearch_path={schema}")
        return f"postgresql://{USER}@/postgres?host={urllib.parse.quote(str(self.folder))}&options={options}"

    def empty(self) -> str:
        """The address of a new store that shares the server with the others."""
        self._schemas += 1
        name = f"store_{self._schemas}"
        assert self._ask(f"CREATE SCHEMA {name}") is not None
        return self.url(name)

    def kill(self) -> None:
        """kill -9, as a power cut of the database alone."""
        pids = (self._data / "postmaster.pid").read_text("utf-8").split()
        children = subprocess.run(
            ["pgrep", "-P", pids[0]], capture_output=True, text=True, check=False
        ).stdout.split()
        for pid in (pids[0], *children):
            os.kill(int(pid), signal.SIGKILL)
        if self._process is not None:
            self._process.wait(20)
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._run("pg_ctl", "stop", "-D", str(self._data), "-m", "immediate")
            self._process.wait(20)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, sql: str) -> str | None:
        command = [shutil.which("psql") or "psql", "-h", str(self.folder), "-U", USER, "-d", "postgres", "-tAc", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def _run(self, *command: str) -> None:
        done = subprocess.run(self._as_user(command), capture_output=True, text=True, check=False, cwd="/tmp")
        if done.returncode:
            raise MissingError(f"{command[0]}: {done.stderr.strip()[-300:]}")

    def _as_user(self, command: Sequence[str]) -> list[str]:
        words = [str(self._programs / command[0]), *command[1:]]
        return ["runuser", "-u", USER, "--", *words] if os.getuid() == 0 else words


def find_postgres() -> Path:
    """The folder of its programs. Raises MissingError when it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    if found:
        return found[-1].parent
    named = shutil.which("initdb")
    if named is None:
        raise MissingError("PostgreSQL is not installed; apt-get install --no-install-recommends postgresql")
    return Path(named).resolve().parent
