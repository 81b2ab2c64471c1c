"""Ten thousand devices, a window a minute each, through a real Mosquitto into a store: is all of it there, how late,
and what does it cost, while earlier windows are added up to their hours? Then two monitors share the load on
PostgreSQL, and one is killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from deploy.mosquitto.local import Mosquitto
from edge.monitor import Arrival, Store
from edge.monitor.database import open_engine
from edge.protocol.messages import encode
from tests.bench.load import filled, messages, real_pane
from tests.bench.setting import Setting
from tests.bench.timing import Row
from tests.support.postgres import Postgres

DEVICES, EVERY_S = 10_000, 60.0
SECONDS = float(os.environ.get("EDGE_BENCH_FLEET_S", "150"))
KINDS = ("drift", "stats", "health")
LAG_S = 5.0
GROWTH_MB = 64.0
HOUR_NS = 3600 * 10**9
OLD_DEVICES = 700
"""Whose windows of an hour long ago wait to be added up: more than there is time for."""


@dataclass
class Look:
    """What was seen once a second: how late the store is, and how large each monitor."""

    lags_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)


class Run:
    """A broker, monitors, and the load."""

    def __init__(self, folder: Path, store: str, monitors: int) -> None:
        self.store, self.folder = store, folder
        self.broker = Mosquitto(folder / "broker")
        self.broker.start()
        began_ns = time.time_ns()
        with closing(Store(store)) as opened:
            if monitors == 1:
                fill(opened, began_ns - 48 * HOUR_NS)
        self._old = 60 * OLD_DEVICES if monitors == 1 else 0
        self._began_ns = time.time_ns()
        self.monitors = [self._monitor(number, monitors > 1) for number in range(monitors)]
        self._wait_for(lambda: self.broker.log.count(" as monitor-") >= monitors)
        time.sleep(1.0)  # until they have subscribed, which the log does not tell

    def load(self, seconds: float, kill_after_s: float | None = None) -> tuple[dict[str, int], Look]:
        words = [str(self.broker.port), str(DEVICES), str(seconds), str(EVERY_S)]
        command = [sys.executable, "-m", "tests.bench.load", *words]
        look, began = Look(), time.monotonic()
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender,
            closing(self._reader()) as engine,
        ):
            while sender.poll() is None:
                time.sleep(1.0)
                now_ns, newest = time.time_ns(), engine.query("SELECT max(window_ns) FROM device")[0][0]
                if newest:
                    look.lags_s.append((now_ns - newest) / 1e9)
                    look.rss_mb.append(max(map(_rss_mb, self.monitors)))
                if kill_after_s is not None and time.monotonic() - began > kill_after_s:
                    self.monitors.pop().kill()
                    kill_after_s = None
            assert sender.stdout is not None
            return json.loads(sender.stdout.read()), look

    def stored(self, wanted: dict[str, int], within_s: float = 60.0) -> dict[str, int]:
        """Once all are there, or time is up."""
        with closing(self._reader()) as engine:
            until = time.monotonic() + within_s
            while True:
                found = {kind: int(engine.query(f"SELECT count(*) FROM {kind}")[0][0]) for kind in KINDS}
                found |= {kind: found[kind] - self._old for kind in ("drift", "stats")}
                if found == wanted or time.monotonic() > until:
                    return found
                time.sleep(1.0)

    def arrival_lags_s(self) -> list[float]:
        """From sending to receiving, of each window."""
        with closing(self._reader()) as engine:
            sql = "SELECT (received_ns - end_ns) FROM drift WHERE end_ns > ? ORDER BY 1"
            rows = engine.query(sql, (self._began_ns,))
        return [row[0] / 1e9 for row in rows]

    def rolled(self) -> int:
        """Windows that are in their hour."""
        with closing(self._reader()) as engine:
            return int(engine.query("SELECT count(*) FROM stats WHERE rolled = 1")[0][0])

    def stop(self) -> None:
        for process in self.monitors:
            process.terminate()
            process.wait(60)
        self.broker.stop()

    def _monitor(self, number: int, shared: bool) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "edge.cli.main",
            "monitor",
            "--broker",
            self.broker.url,
            "--store",
            self.store,
        ]
        command += ["--share", "bench"] if shared else ["--keep-statistics", "1d"]
        with (self.folder / f"monitor-{number}.log").open("w") as log:
            return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)

    def _reader(self):  # type: ignore[no-untyped-def]
        return open_engine(self.store, readonly=True)

    def _wait_for(self, condition) -> None:  # type: ignore[no-untyped-def]
        until = time.monotonic() + 60
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError("the monitors did not connect")
            time.sleep(0.05)


def fill(store: Store, hour_ns: int) -> None:
    """An hour's windows of OLD_DEVICES devices."""
    start_ns = hour_ns // HOUR_NS * HOUR_NS
    store.add_reference(real_pane().reference.to_bytes(), "cookie", 1)
    texts = {kind: encode(message) for kind, message in messages() if kind != "health"}
    for number in range(OLD_DEVICES):
        device = f"old-{number:05d}"
        store.accept(
            Arrival(f"edge/v1/{device}/{kind}/cookie", filled(text, device, window, at_ns), at_ns)
            for window in range(60)
            for kind, text in texts.items()
            for at_ns in [start_ns + window * HOUR_NS // 60]
        )


def rows(setting: Setting) -> Iterator[Row]:
    """Each device sends a verdict, statistics and health a minute: 500 messages a second."""
    for name, monitors in (("SQLite", 1), ("PostgreSQL, two monitors, one killed with -9", 2)):
        folder = setting.folder / f"fleet-{monitors}"
        folder.mkdir()
        server = Postgres({}) if monitors > 1 else None
        try:
            if server is not None:
                server.start()
            yield from _measure(name, folder, server.empty() if server else str(folder / "monitor.db"), monitors)
        finally:
            if server is not None:
                server.remove()


def _measure(name: str, folder: Path, store: str, monitors: int) -> Iterator[Row]:
    run = Run(folder, store, monitors)
    try:
        rolled = run.rolled()
        sent, look = run.load(SECONDS, SECONDS / 2 if monitors > 1 else None)
        rolled = run.rolled() - rolled
        stored = run.stored(sent)
        lags = run.arrival_lags_s()
        share = _cpu_s(run.monitors[0]) / SECONDS
    finally:
        run.stop()
    missing = sum(sent.values()) - sum(stored.values())
    yield Row(f"messages of 10,000 devices that are not stored, {name}", missing, None, "", "0", missing == 0)
    rate = sum(sent.values()) / SECONDS
    yield Row(f"messages a second, {name}", rate, None, "/s", "500", rate > 0.97 * 3 * DEVICES / EVERY_S)
    if monitors == 1:
        p99 = lags[int(0.99 * len(lags))]
        yield Row(
            f"from sending to the store, 99th percentile, {name}", p99, None, "s", f"≤ {LAG_S:.0f}", p99 <= LAG_S
        )
        worst = max(look.lags_s)
        yield Row(
            f"how late the newest stored window was, at most, {name}",
            worst,
            None,
            "s",
            f"≤ {LAG_S:.0f}",
            worst <= LAG_S,
        )
    if monitors == 1:
        new = DEVICES / EVERY_S
        name_of = "earlier windows added up to their hours a second meanwhile (as many as come: 167)"
        yield Row(name_of, rolled / SECONDS, None, "/s", f"≥ {new:.0f}", rolled / SECONDS >= new)
        yield Row(f"share of one core that the monitor took, {name}", share, None, "", "–", True)
    third = len(look.rss_mb) // 3
    growth = max(look.rss_mb[2 * third :]) - max(look.rss_mb[:third])
    holds = growth <= GROWTH_MB
    yield Row(
        f"memory that a monitor gained in the last two thirds, {name}",
        growth,
        None,
        "MB",
        f"≤ {GROWTH_MB:.0f}",
        holds,
    )
    yield Row(f"memory of a monitor at its end, {name}", look.rss_mb[-1], None, "MB", "–", True)


def _cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time since its start: what it costs, however busy the machine is with other things."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(process: subprocess.Popen[bytes]) -> float:
    try:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / 1e6
