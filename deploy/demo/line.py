"""The line of the demo: a broker that goes away and comes back, a monitor, the daemon, and the light that dims."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.steps import Bar, StepError, edge
from deploy.mosquitto.local import Mosquitto

PARTS = 1500
FPS = 50
DIM_AT = 750
"""The light dims before this part, to :data:`DIM_TO`."""
DIM_TO = 0.6
BROKER_LEAVES, BROKER_RETURNS = 0.25, 0.6
"""Moments of the broker's loss and return, as shares of the run."""
WINDOW = 150
SEED = 11

SOURCE = f"sim://line?seed={SEED}&fps={FPS}&count={PARTS}&at={DIM_AT}:light={DIM_TO}"

CONFIG = """\
[device]
id = "cookie-line-1"
site = "bakery"
line = "one"
state = "state"

[source]
uri = "{source}"
policy = "every"

[model]
path = "cookie.tflite"

[decide]
reject = ["cracked", "burnt", "broken", "missing_topping"]

[gate]
uri = "sim://"

[buffer]
commit_s = 1.0

[drift]
window = {window}

[sync]
broker = "{broker}"
predictions = true

[health]
interval_s = 1.0
"""


@dataclass(frozen=True)
class Run:
    """Results of the run: the daemon's closing report, and the monitor's store."""

    report: dict[str, Any]
    store: Path


def run_line(folder: Path) -> Run:
    """Runs the whole line in ``folder``, which holds cookie.tflite. Raises StepError when a part of it fails."""
    config, store = folder / "edge.toml", folder / "monitor.db"
    with Mosquitto(folder / "broker") as broker:
        config.write_text(CONFIG.format(source=SOURCE, window=WINDOW, broker=broker.url), "utf-8")
        monitor = _start("monitor", folder, "monitor", "--broker", broker.url, "--store", store, "--json")
        daemon = _start("daemon", folder, "run", "-c", config, "--json")
        try:
            _wait_for_first_frame(folder / "daemon.log", daemon)
            _tell_the_story(broker, daemon)
            report = _finish(daemon, folder / "daemon.log")
            _stop(monitor)
        finally:
            daemon.kill()
            monitor.kill()
    return Run(report, store)


def _start(name: str, folder: Path, *words: str | Path) -> subprocess.Popen[str]:
    sys.stdout.write(f"  $ edge {' '.join(map(str, words))}\n")
    sys.stdout.flush()
    with (folder / f"{name}.log").open("w") as log, (folder / f"{name}.out").open("w") as out:
        return subprocess.Popen([*edge(), *map(str, words)], stdout=out, stderr=log, text=True)


def _wait_for_first_frame(log: Path, daemon: subprocess.Popen[str], timeout_s: float = 30.0) -> None:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until and daemon.poll() is None:
        if "judging" in log.read_text("utf-8"):
            return
        time.sleep(0.02)
    raise StepError(f"demo: the daemon did not begin to judge; see {log}")


def _tell_the_story(broker: Mosquitto, daemon: subprocess.Popen[str]) -> None:
    duration = PARTS / FPS
    bar, started = Bar(sys.stderr), time.monotonic()
    while daemon.poll() is None and (share := (time.monotonic() - started) / duration) < 1.0:
        away = BROKER_LEAVES <= share < BROKER_RETURNS
        if away and broker.running:
            broker.stop()
        elif not away and not broker.running:
            broker.start()
        light = "dimmed" if share * PARTS >= DIM_AT else "normal"
        part = min(PARTS, int(share * PARTS))
        bar.show(share, f"part {part} of {PARTS}", f"broker {'away' if away else 'there'}, light {light}")
        time.sleep(0.1)
    bar.show(1.0, f"part {PARTS} of {PARTS}", "the backlog is delivered")
    bar.close()


def _finish(daemon: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    try:
        status = daemon.wait(60)
    except subprocess.TimeoutExpired:
        raise StepError(f"demo: the daemon did not end; see {log}") from None
    if status != 0:
        raise StepError(f"demo: the daemon ended with status {status}; see {log}")
    report: dict[str, Any] = json.loads(log.with_suffix(".out").read_text("utf-8"))
    return report


def _stop(monitor: subprocess.Popen[str]) -> None:
    time.sleep(1.0)
    monitor.send_signal(signal.SIGTERM)
    try:
        monitor.wait(10)
    except subprocess.TimeoutExpired:
        raise StepError("demo: the monitor did not end") from None
