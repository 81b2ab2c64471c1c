"""Catching up after a weekend without a broker, while the line runs: how fast, how late live windows come, and what
the way of a frame notices of it.

One run of the daemon: first without a broker, then with it. The latencies of the two parts are compared, so a machine
that is slow is slow in both.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from deploy.mosquitto.local import Mosquitto
from edge.device.buffer import Buffer
from edge.inference.artifact import Artifact
from edge.protocol.record import Record
from tests.bench import listener
from tests.bench.models import watched
from tests.bench.setting import Setting
from tests.bench.timing import Row

BACKLOG = int(os.environ.get("EDGE_BENCH_BACKLOG", "1000000"))
FPS, BEFORE_S, WITHIN_S = 30, 45.0, 300.0
WINDOW = 30
MIN_PER_S, MAX_LAG_S, MAX_P99 = 20_000, 2.0, 1.10


def rows(setting: Setting) -> Iterator[Row]:
    folder, model = setting.folder / "drain", watched(224).resolve()
    fill(folder / "state" / "buffer.db", Artifact.load(model).name)
    with Mosquitto(folder / "broker") as broker:
        broker.stop()
        daemon = start(folder, model, broker.url)
        try:
            time.sleep(BEFORE_S)
            broker.start()
            broker_ns, out = time.monotonic_ns(), folder / "heard.jsonl"
            with listener.listening(broker.url, out):
                began_ns, ended_ns, per_s = wait_for_backlog(out)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
        windows = [line for line in listener.read(out) if "lag_s" in line]
    wall_ns = time.time_ns() - time.monotonic_ns()
    before, during = latencies(folder / "state" / "buffer.db", broker_ns, began_ns, ended_ns)
    live = [line["lag_s"] for line in windows if began_ns < line["closed_ns"] - wall_ns < ended_ns]
    late = max(live, default=float("inf"))
    text = f"records/s out of a backlog of {BACKLOG / 1e6:g} million, QoS 1"
    yield Row(text, per_s / 1000, None, "k/s", f"≥ {MIN_PER_S / 1000:.0f} k/s", per_s >= MIN_PER_S)
    text = f"  meanwhile: last part of a window to its arrival, worst of {len(live)}"
    yield Row(text, late, None, "s", f"≤ {MAX_LAG_S} s", late <= MAX_LAG_S)
    ours, other = (float(np.quantile(part, 0.99)) / 1000 for part in (during, before))
    text = f"  frame to decision p99 while it drains ({len(during)}), against before ({len(before)})"
    yield Row(text, ours, other, "ms", f"≤ {MAX_P99}", ours <= MAX_P99 * other)
    ours, other = (statistics.median(part) / 1000 for part in (during, before))
    yield Row("  frame to decision p50, the same", ours, other, "ms", "", True)


def fill(path: Path, model: str) -> None:
    """Records of an earlier boot, none delivered."""
    with closing(Buffer(path, model=model, commit_records=20_000, commit_s=600)) as buffer:
        wall_ns = time.time_ns() - 10**9 * BACKLOG // FPS
        for seq in range(BACKLOG):
            at_ns = seq * 10**9 // FPS + seq * 7919 % 300_007
            buffer.append(
                Record(seq, at_ns, wall_ns + at_ns, 9000 + seq * 31 % 997, seq % 128 / 256 + 0.5, seq % 5, 0)
            )
            buffer.tick()


def start(folder: Path, model: Path, url: str) -> subprocess.Popen[bytes]:
    """``edge run`` on the simulated line, returned when it judges."""
    config = folder / "edge.toml"
    config.write_text(
        f'[device]\nid = "bench"\nstate = "state"\n[source]\nuri = "sim://line?fps={FPS}"\n'
        f'[model]\npath = "{model}"\n[drift]\nwindow = {WINDOW}\n'
        f'[sync]\nbroker = "{url}"\npredictions = true\n',
        "utf-8",
    )
    log = (folder / "edge.log").open("wb")
    daemon = subprocess.Popen(
        [sys.executable, "-m", "edge.cli.main", "run", "-c", str(config)], stdout=log, stderr=log
    )
    while b"judging" not in (folder / "edge.log").read_bytes():
        if daemon.poll() is not None:
            raise RuntimeError((folder / "edge.log").read_text())
        time.sleep(0.05)
    return daemon


def wait_for_backlog(out: Path) -> tuple[int, int, float]:
    """When the first and the last of it had arrived (monotonic), and records a second between."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        time.sleep(0.25)
        counts = [line for line in listener.read(out) if "records" in line]
        if not counts or not counts[-1]["records"]:
            continue
        if counts[-1]["records"] >= BACKLOG:
            first = next(line for line in counts if line["records"])
            last = next(line for line in counts if line["records"] >= BACKLOG)
            seconds = (last["at_ns"] - first["at_ns"]) / 1e9
            return int(first["at_ns"]), int(last["at_ns"]), (last["records"] - first["records"]) / seconds
    raise RuntimeError(f"the backlog did not arrive within {WITHIN_S:.0f} s: {counts[-1]}")


def latencies(path: Path, broker_ns: int, began_ns: int, ended_ns: int) -> tuple[list[int], list[int]]:
    """Of the last boot, in µs: from ten seconds after its start until the broker came, and while it drained."""
    with closing(Buffer(path)) as buffer:
        newest = max(boot_id for boot_id, record in buffer.records() if record.captured_ns > began_ns)
        kept = [record for boot_id, record in buffer.records() if boot_id == newest]
    from_ns = kept[0].captured_ns + 10**10
    before = [record.latency_us for record in kept if from_ns < record.captured_ns < broker_ns]
    during = [record.latency_us for record in kept if began_ns < record.captured_ns < ended_ns]
    return before, during
