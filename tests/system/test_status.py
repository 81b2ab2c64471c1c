"""A real daemon, asked over its socket and its port while it works, and stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.device.health.snapshot import Snapshot
from edge.device.status import NotRunningError, ask
from edge.protocol.messages import Health

EDGE = [sys.executable, "-m", "edge.cli.main"]
ANSWER_MOST_S = 20.0

pytestmark = pytest.mark.system


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Daemon:
    """``edge run`` with a port for Prometheus."""

    def __init__(self, write_config: Callable[..., Path], source: str) -> None:
        self.port = free_port()
        extra = f'[health]\nprometheus = "127.0.0.1:{self.port}"\n[buffer]\ncommit_s = 0.2'
        self.config = write_config(source=source, policy="latest", extra=extra)
        self.state = self.config.parent / "state"
        words = [*EDGE, "run", "-c", str(self.config), "--json"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def status(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [*EDGE, "status", "-c", str(self.config), "--json", *words], capture_output=True, text=True, check=False
        )
        return done.returncode, json.loads(done.stdout)

    def wait_until(self, holds: Callable[[Health], bool]) -> Snapshot:
        until = time.monotonic() + ANSWER_MOST_S
        while True:
            with suppress(NotRunningError):
                told = ask(self.state)
                if holds(told.health):
                    return told
            assert time.monotonic() < until
            assert self.process.poll() is None
            time.sleep(0.1)

    def get(self, path: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def metrics(self) -> dict[tuple[str, str], float]:
        """By the sample's name and its ``le``, ``reason`` or nothing."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return {
            (sample.name, sample.labels.get("le") or sample.labels.get("reason") or ""): sample.value
            for family in families
            for sample in family.samples
            if "quantile" not in sample.labels and "delivered" not in sample.labels
        }


@pytest.fixture
def start(write_config: Callable[..., Path]) -> Iterator[Callable[[str], Daemon]]:
    daemons: list[Daemon] = []

    def begin(source: str) -> Daemon:
        daemons.append(Daemon(write_config, source))
        return daemons[-1]

    yield begin
    for daemon in daemons:
        daemon.process.kill()
        daemon.process.communicate()


def test_under_load_socket_and_port_tell_what_the_line_does_and_are_gone_after_sigterm(
    start: Callable[[str], Daemon],
) -> None:
    daemon = start("sim://line?width=64&height=48&fps=100")
    before = daemon.wait_until(lambda health: health.decided > 50).health
    answered, done = [0], threading.Event()

    def hammer() -> None:
        while not done.is_set():
            with suppress(OSError):  # closed: there was no room
                answered[0] += daemon.get("/metrics")[0] == 200

    callers = [threading.Thread(target=hammer) for _ in range(3)]
    for caller in callers:
        caller.start()
    until = time.monotonic() + ANSWER_MOST_S
    while answered[0] < 20 and time.monotonic() < until:
        time.sleep(0.05)
    figures = daemon.metrics()
    daemon.wait_until(lambda health: health.decided >= figures["edge_frames_decided_total", ""] + 50)
    told = daemon.status()[1]
    done.set()
    for caller in callers:
        caller.join()
    assert answered[0] >= 20
    health = told["health"]
    assert (health["device"], told["pid"]) == ("line-1", daemon.process.pid)
    assert before.captured <= figures["edge_frames_captured_total", ""] <= health["captured"]
    assert before.decided <= figures["edge_frames_decided_total", ""] <= health["decided"] - 50
    assert health["decided"] + sum(health["dropped"].values()) <= health["captured"]

    daemon.process.send_signal(signal.SIGTERM)
    report = json.loads(daemon.process.communicate(timeout=10)[0])
    assert daemon.process.returncode == 0
    assert report["captured"] == report["decided"] + sum(report["dropped"].values())
    assert not (daemon.state / "status.sock").exists()
    status, remains = daemon.status()
    assert (status, remains["running"], remains["state"]["boot_id"]) == (6, False, health["boot_id"])
    with pytest.raises(ConnectionRefusedError):
        daemon.get("/healthz")


def test_one_snapshot_is_told_alike_by_all_ways(start: Callable[[str], Daemon]) -> None:
    daemon = start("sim://line?width=64&height=48&fps=50")
    daemon.wait_until(lambda health: health.decided > 20)
    first, figures, healthz = _of_one_snapshot(daemon)
    health, camera = first.health, first.health.cameras[0]
    assert figures["edge_frames_captured_total", ""] == health.captured
    assert figures["edge_frames_decided_total", ""] == health.decided
    assert figures["edge_frames_dropped_total", "overrun"] == health.dropped.get("overrun", 0)
    assert figures["edge_latency_seconds_count", ""] == sum(camera.histogram.buckets[1::2])
    assert figures["edge_latency_seconds_bucket", "+Inf"] == figures["edge_latency_seconds_count", ""]
    assert figures["edge_latency_seconds_sum", ""] == camera.histogram.sum_us / 1e6
    assert figures["edge_resident_memory_bytes", ""] == health.rss_bytes
    assert figures["edge_problems", ""] == len(first.problems)
    assert healthz == ((503, "\n".join(first.problems) + "\n") if first.problems else (200, "ok\n"))


def _of_one_snapshot(daemon: Daemon) -> tuple[Snapshot, dict[tuple[str, str], float], tuple[int, str]]:
    """It is renewed every second: asked again until nothing was renewed meanwhile."""
    for _ in range(20):
        first, figures, healthz, second = (
            ask(daemon.state),
            daemon.metrics(),
            daemon.get("/healthz"),
            ask(daemon.state),
        )
        if first == second:
            return first, figures, healthz
    pytest.fail("no four answers within one second")


def test_kill_9_leaves_a_socket_that_neither_misleads_nor_hinders(start: Callable[[str], Daemon]) -> None:
    daemon = start("sim://line?width=64&height=48&fps=50")
    told = daemon.wait_until(lambda health: health.decided > 20)
    os.kill(daemon.process.pid, signal.SIGKILL)
    daemon.process.wait()
    assert (daemon.state / "status.sock").is_socket()
    status, remains = daemon.status()
    assert (status, remains["running"]) == (6, False)
    assert remains["state"]["boot_id"] == told.health.boot_id
    again = start("sim://line?width=64&height=48&fps=50")
    assert again.wait_until(lambda health: health.decided > 0).pid == again.process.pid


def test_a_taken_port_ends_the_daemon_before_a_frame_is_judged(write_config: Callable[..., Path]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = write_config(source="sim://line", extra=f'[health]\nprometheus = "127.0.0.1:{port}"')
        done = subprocess.run([*EDGE, "run", "-c", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == (
        f"edge: health.prometheus: cannot listen on 127.0.0.1:{port} (Address already in use); "
        "expected a free port of this machine\n"
    )
    assert not (config.parent / "state" / "buffer.db").exists()
