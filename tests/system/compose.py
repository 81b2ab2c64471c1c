"""``python -m tests.system.compose``: the central side's images are built and run, and a device speaks to them.

Prints a table of what was found and how long it took; status 1 when something did not hold. Needs root and the ports
8883 and 8080. Where no container engine answers, one is started for the run and its data is removed afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from edge.errors import EdgeError
from tests.support.container_engine import ROOT, Engine
from tests.support.daemon import EDGE, wait_until
from tests.support.pki import Authority, script
from tests.support.step_table import Table

SHIPPED = ROOT / "deploy" / "compose"
DEVICE = "d00000"
SERVICES = {"broker": "1883", "database": "1885", "monitor": "1884"}
PATIENCE_S = 180.0
RESTART_MOST_S = 15.0
PAGES = "http://127.0.0.1:8080"


class Plant:
    """The services of ``compose.yaml`` under a name of their own, with certificates in a folder of this run."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._sent = engine, 0
        self.authority = Authority(folder / "ca")
        self.authority("init", "Test")
        self.authority("broker", "broker", "localhost")
        self.authority("client", "monitor")
        self.authority("device", DEVICE)
        self._secrets = folder / "secrets"
        done = script("compose/secrets.sh", str(self.authority.folder), str(self._secrets))
        assert done.returncode == 0, done.stderr
        self.token = (self._secrets / "web-token").read_text().strip()
        moved = folder / "compose.yaml"
        moved.write_text(yaml.safe_dump(self._moved()), "utf-8")
        self._words = ["--project-name", folder.name, "--project-directory", str(SHIPPED), "--file", str(moved)]

    def _moved(self) -> dict[str, Any]:
        """As shipped, but for the folder of the secrets."""
        settings: dict[str, Any] = yaml.safe_load((SHIPPED / "compose.yaml").read_text("utf-8"))
        for secret in settings["secrets"].values():
            secret["file"] = str(self._secrets / Path(secret["file"]).name)
        return settings

    def __call__(self, *words: str) -> str:
        return self._engine.run("docker-compose", *self._words, *words)

    def inspect(self, service: str) -> dict[str, Any]:
        name = self("ps", "--all", "--quiet", service).strip()
        found: dict[str, Any] = json.loads(self._engine.run("docker", "inspect", name))[0]
        return found

    def healthy(self, service: str) -> bool:
        state = self.inspect(service)["State"]
        return bool(state["Running"] and state["Health"]["Status"] == "healthy")

    def wait_healthy(self, service: str) -> None:
        wait_until(lambda: self.healthy(service), PATIENCE_S, 0.5)

    def inside(self, service: str, command: str) -> str:
        """What a shell in the container says; its failure is an answer too."""
        return self("exec", "-T", service, "sh", "-c", f"{{ {command}; }} 2>&1 || true").strip()

    def rows(self, table: str) -> int:
        query = f"psql -h /run/monitor-db -U monitor -Atc 'select count(*) from {table}' monitor"
        said = self.inside("database", query)
        return int(said) if said.isdigit() else -1

    def send(self) -> None:
        """What a device says, over TLS with its certificate: half an hour more each time, as what was said before is
        known by its number and not stored again."""
        self._sent += 1
        identity = self.authority.identity(DEVICE)
        words = [word for name, path in identity.items() for word in (f"--{name}", str(path))]
        fleet = ["--devices", "1", "--connections", "1", "--duration", str(1800 * self._sent), "--speed", "0"]
        command = [*EDGE, "simulate", "--broker", "mqtts://localhost:8883", *fleet, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stderr

    def page(self, path: str, token: str = "") -> tuple[int, str]:
        request = urllib.request.Request(PAGES + path)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()


def main() -> int:
    table = Table()
    with tempfile.TemporaryDirectory(prefix="edge-compose-", dir="/var/tmp") as name, Engine(Path(name)) as engine:
        table.timed("the base image", engine.make_base)
        plant = Plant(engine, Path(name))
        table.timed("three images built", lambda: plant("build"))
        try:
            table.timed("up, until broker and database are healthy", lambda: plant("up", "--detach"))
            for service in SERVICES:
                table.timed(f"{service}: healthy", lambda service=service: plant.wait_healthy(service))
            look(table, plant)
        finally:
            plant("down", "--volumes", "--rmi", "local")
    table.row("everything", "did not hold" if table.failed else "held", holds=not table.failed)
    return int(table.failed)


def look(table: Table, plant: Plant) -> None:
    for service, user in SERVICES.items():
        hardened(table, plant, service, user)
    delivered(table, plant, "a device's windows, in the database")
    pages(table, plant)
    for service in SERVICES:
        began = time.monotonic()
        plant("restart", "--timeout", "60", service)
        took_s = time.monotonic() - began
        table.row(f"{service}: stopped and started", f"{took_s:.1f} s", took_s < RESTART_MOST_S)
        table.timed(f"{service}: healthy again", lambda service=service: plant.wait_healthy(service))
        delivered(table, plant, f"after the restart of {service}: more windows")
    plant("stop", "--timeout", "60")
    codes = {service: plant.inspect(service)["State"]["ExitCode"] for service in SERVICES}
    table.row("all stopped; how they ended", codes, not any(codes.values()))


def hardened(table: Table, plant: Plant, service: str, user: str) -> None:
    """Asked of the kernel, from within."""
    status = dict(line.split(":", 1) for line in plant.inside(service, "cat /proc/1/status").splitlines())
    facts = {name: status[name].split()[0] for name in ("Uid", "CapEff", "CapBnd", "NoNewPrivs")}
    powers = int(facts["CapEff"], 16) | int(facts["CapBnd"], 16)
    held = (facts["Uid"], powers, facts["NoNewPrivs"]) == (user, 0, "1")
    table.row(f"{service}: user, no capabilities, no new privileges", facts, held)
    root = plant.inside(service, "grep ' / ' /proc/mounts").split()
    read_only = bool(root) and "ro" in root[3].split(",")
    table.row(f"{service}: its root is read-only", root[3].split(",")[0] if root else "unknown", read_only)


def delivered(table: Table, plant: Plant, what: str) -> None:
    before = max(plant.rows("drift"), 0)
    plant.send()
    wait_until(lambda: plant.rows("drift") > before, PATIENCE_S, 0.5)
    table.row(what, f"{before} → {plant.rows('drift')}")


def pages(table: Table, plant: Plant) -> None:
    health, stranger = plant.page("/healthz"), plant.page("/api/v1/fleet")
    table.row("pages: /healthz", health[1].strip(), health == (200, "ok\n"))
    table.row("pages: a stranger asks for the fleet", stranger[0], stranger[0] == 401)
    status, text = plant.page("/api/v1/fleet", plant.token)
    names = [one["device"] for one in json.loads(text)["devices"]] if status == 200 else text
    table.row("pages: the token's owner does", names, names == [DEVICE])
    bound = plant.inspect("monitor")["HostConfig"]["PortBindings"]["8080/tcp"][0]["HostIp"]
    table.row("pages: bound to", bound, bound == "127.0.0.1")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EdgeError as error:
        sys.exit(f"boot-compose: {error}")
