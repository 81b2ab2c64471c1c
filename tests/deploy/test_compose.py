"""The central side's container files. No engine is needed: what they run is run without one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.mosquitto.local import find_mosquitto
from tests.support.nspawn import require_root
from tests.support.pki import ACL, Authority, published, script

COMPOSE = Path(__file__).resolve().parents[2] / "deploy" / "compose"
ROOT = COMPOSE.parents[1]
RECIPE = (COMPOSE / "Containerfile").read_text("utf-8").replace("\\\n", " ")

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    """What docker-compose makes of the file, which it has compared with its schema."""
    command = ["docker-compose", "--file", str(COMPOSE / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


def stage(name: str) -> str:
    """The lines of one image."""
    return re.split(r"^FROM ", RECIPE.split(f" AS {name}\n")[1], flags=re.MULTILINE)[0]


def test_every_service_runs_without_rights_and_says_whether_it_is_well(resolved: dict[str, Any]) -> None:
    assert set(resolved["services"]) == {"broker", "database", "monitor"}
    for name, service in resolved["services"].items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["healthcheck"]["test"]
        user = re.search(r"^USER (\w+)$", stage(name), re.MULTILINE)
        assert user
        assert f"--uid {service['user']} " in stage(name)


def test_all_that_the_images_are_made_of_is_there() -> None:
    sources = [word for line in re.findall(r"^COPY (.*) \S+$", RECIPE, re.MULTILINE) for word in line.split()]
    assert len(sources) == 7
    admitted = [line[1:] for line in (COMPOSE / "Containerfile.dockerignore").read_text().split() if line[0] == "!"]
    for source in sources:
        assert (ROOT / source).exists()
        assert source in admitted
    packages = [
        name for line in re.findall(r"--no-install-recommends ([\w. -]+?) *&&", RECIPE) for name in line.split()
    ]
    assert sorted(packages) == ["libgl1", "libglib2.0-0", "mosquitto", "postgresql", "python3-venv"]
    for package in packages:
        assert subprocess.run(["apt-cache", "show", package], capture_output=True, check=False).returncode == 0, (
            package
        )


def test_the_monitor_is_given_options_that_it_knows(resolved: dict[str, Any]) -> None:
    from edge.cli.main import main

    words = ["monitor", *resolved["services"]["monitor"]["command"], "--help"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    targets = {secret if isinstance(secret, str) else secret["source"] for secret in secrets_of(resolved, "monitor")}
    assert {Path(path).name for path in re.findall(r"/run/secrets/\S+", " ".join(words))} == targets


def secrets_of(resolved: dict[str, Any], service: str) -> list[Any]:
    found: list[Any] = resolved["services"][service]["secrets"]
    assert all((secret if isinstance(secret, str) else secret["source"]) in resolved["secrets"] for secret in found)
    return found


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "ca")
    authority("init")
    authority("broker", "broker", "127.0.0.1")
    authority("client", "monitor")
    authority("device", "line-1")
    return authority


def test_secrets_are_readable_for_the_service_that_uses_them(
    authority: Authority, resolved: dict[str, Any], tmp_path: Path
) -> None:
    require_root()
    out = tmp_path / "secrets"
    assert script("compose/secrets.sh", str(authority.folder), str(out)).returncode == 0
    assert {Path(secret["file"]).name for secret in resolved["secrets"].values()} == {p.name for p in out.iterdir()}
    for service in ("broker", "monitor"):
        key = (out / f"{service}.key").stat()
        assert (str(key.st_uid), key.st_mode & 0o777) == (resolved["services"][service]["user"], 0o400)
    token = (out / "web-token").read_text()
    assert len(token) == 48 and (out / "web-token").stat().st_mode & 0o777 == 0o600
    assert str((out / "web-token").stat().st_uid) == resolved["services"]["monitor"]["user"]
    assert script("compose/secrets.sh", str(authority.folder), str(out)).returncode == 0
    assert (out / "web-token").read_text() == token, "people stay logged in after a renewal"
    empty = script("compose/secrets.sh", str(tmp_path), str(out))
    assert (empty.returncode, empty.stderr.count("\n")) == (1, 1)


def test_the_brokers_configuration_takes_devices_with_a_certificate(
    authority: Authority, resolved: dict[str, Any], tmp_path: Path, free_port: int
) -> None:
    """As the image has it, with its paths moved here."""
    shown = script("mosquitto/with-tls.sh").stdout + "persistence_location /var/lib/mosquitto/\n"
    place, data = tmp_path / "edge", tmp_path / "data"
    place.mkdir()
    data.mkdir()
    for secret in secrets_of(resolved, "broker"):
        name = Path(resolved["secrets"][secret["source"]]["file"]).name
        found = next(authority.folder.rglob(name))
        (place / Path(secret["target"]).name).write_bytes(found.read_bytes())
    (place / "acl").write_bytes(ACL.read_bytes())
    text = shown.replace("/etc/mosquitto/edge", str(place)).replace("/var/lib/mosquitto", str(data))
    text = text.replace("listener 8883", f"listener {free_port} 127.0.0.1")
    assert "listener 1883" not in text
    configuration = tmp_path / "edge.conf"
    configuration.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
    with subprocess.Popen([find_mosquitto(), "-c", str(configuration)], stderr=subprocess.PIPE) as broker:
        try:
            healthy = resolved["services"]["broker"]["healthcheck"]["test"][1:]
            check = [word.replace("8883", str(free_port)) for word in healthy]
            wait(lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0)
            said = published(f"mqtts://127.0.0.1:{free_port}", "edge/v1/line-1/health", authority.identity("line-1"))
            assert not said.refused
        finally:
            broker.terminate()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Database:
    """``database.sh`` as user postgres, as in its image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("data", "socket"):
            (folder / name).mkdir(mode=0o700)
        subprocess.run(["chown", "-R", "postgres", str(folder)], check=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [str(self.folder / "database.sh"), str(self.folder / "data"), str(self.folder / "socket")]
        self._process = subprocess.Popen(["setpriv", *AS_POSTGRES, *words], stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(30)
            self._process = None

    def sql(self, text: str, user: str = "monitor", database: str = "monitor") -> subprocess.CompletedProcess[str]:
        words = [
            "psql",
            "--host",
            str(self.folder / "socket"),
            "--username",
            user,
            "--no-psqlrc",
            "-At",
            "-c",
            text,
            database,
        ]
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, cwd="/")


AS_POSTGRES = shlex.split("--reuid postgres --regid postgres --clear-groups")


@pytest.fixture
def database() -> Iterator[Database]:
    require_root()
    folder = Path(tempfile.mkdtemp(prefix="edge-db-", dir="/var/tmp"))
    folder.chmod(0o755)
    shutil.copy(COMPOSE / "database.sh", folder)
    database = Database(folder)
    yield database
    database.stop()
    shutil.rmtree(folder)


def test_the_database_is_made_once_and_takes_the_monitor_and_nobody_else(
    database: Database, resolved: dict[str, Any]
) -> None:
    database.start()
    healthy = resolved["services"]["database"]["healthcheck"]["test"][1:]
    check = [word.replace("/run/monitor-db", str(database.folder / "socket")) for word in healthy]
    wait(lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0)
    assert database.sql("CREATE TABLE kept (a int); INSERT INTO kept VALUES (7)").returncode == 0
    assert "failed for user" in database.sql("SELECT 1", "postgres", "postgres").stderr
    assert database.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'monitor'").stdout == "f\n"
    assert database.sql("SHOW listen_addresses").stdout == "\n"
    assert database.sql("SHOW data_checksums").stdout == "on\n"
    database.stop()
    database.start()
    wait(lambda: database.sql("SELECT a FROM kept").stdout == "7\n")


def test_a_database_that_was_cut_off_while_it_was_made_is_made_anew(database: Database) -> None:
    half = database.folder / "data" / "new"
    half.mkdir()
    (half / "PG_VERSION").write_text("15\n")
    subprocess.run(["chown", "-R", "postgres", str(half)], check=True)
    database.start()
    wait(lambda: database.sql("SELECT 1").stdout == "1\n")


def wait(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)
