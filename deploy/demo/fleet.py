"""``make demo-monitor``: a broker, a simulated fleet and the monitor's pages, until Ctrl-C or for ``--duration``."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from deploy.mosquitto.local import Mosquitto
from edge.errors import EdgeError, LinkError
from edge.monitor import Store
from edge.sim.fleet import Population

EDGE = (sys.executable, "-m", "edge.cli.main")
START_S = 60.0
SCRIPT = """
[[change]]                      # a lamp goes out slowly over one line
site = "site-2"
line = "line-3"
at_s = {soon}
ramp_s = {soon}
shift = {{ brightness = -2.0 }}

[[change]]                      # a lens is dirty
devices = "d00007"
at_s = {soon}
shift = {{ sharpness = -3.0 }}

[[change]]                      # an oven burns more
devices = "d00011"
at_s = {soon}
defects = 0.5

[[change]]
devices = "d00005"
at_s = {soon}
offline = true

[[change]]
devices = "d00009"
at_s = {soon}
dropping = 0.2
"""


def main(arguments: list[str] | None = None) -> int:
    """Status 1 when time was over before the drifts were found."""
    args = _options(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="edge-fleet-") as folder:
            return _run(args, Path(folder))
    except EdgeError as error:
        sys.stderr.write(f"edge: {error}\n")
        return error.exit_status
    except KeyboardInterrupt:
        return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo-monitor", description=__doc__)
    parser.add_argument("--devices", type=int, default=300, help="default: 300")
    parser.add_argument(
        "--interval", type=float, default=10.0, metavar="S", help="from window to window; default: 10"
    )
    parser.add_argument("--web", default="127.0.0.1:8080", metavar="HOST:PORT", help="default: 127.0.0.1:8080")
    parser.add_argument("--duration", type=float, metavar="S", help="by default until Ctrl-C")
    return parser.parse_args(arguments)


def _run(args: argparse.Namespace, folder: Path) -> int:
    store, script, rules = folder / "monitor.db", folder / "drifts.toml", folder / "alerts.toml"
    script.write_text(SCRIPT.format(soon=3 * args.interval), "utf-8")
    rules.write_text("", "utf-8")  # the defaults; nobody is told, the page shows them
    print(f"{args.devices} devices; their windows are compared with what the line usually shows …", flush=True)
    with closing(Store(store)) as opened:
        opened.add_reference(Population.draw_line(0).reference.to_bytes(), "cookie", 1)
    fleet = ["--devices", str(args.devices), "--interval", str(args.interval), "--script", str(script)]
    with Mosquitto(folder / "mosquitto") as broker:
        listen = ["monitor", "--broker", broker.url, "--store", str(store), "--web", args.web, "--json"]
        listen += ["--alerts", str(rules)]
        with (
            _process(listen, folder / "monitor.log") as monitor,
            _process(["simulate", "--broker", broker.url, *fleet], folder / "fleet.log") as simulator,
        ):
            url = _url(monitor, folder / "monitor.log")
            print(f"Open {url}\nCtrl-C ends it.", flush=True)
            return _watch(url, args.duration, {"monitor": monitor, "fleet": simulator}, folder)


@contextmanager
def _process(words: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("w") as file:
        process = subprocess.Popen([*EDGE, *words], stdout=subprocess.DEVNULL, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _url(monitor: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and monitor.poll() is None:
        if found := re.search(r"pages at (\S+)", log.read_text("utf-8")):
            return found[1]
        time.sleep(0.1)
    if monitor.poll() is not None:
        raise LinkError(_ended("monitor", monitor, log))
    raise LinkError(f"the monitor did not start within {START_S:.0f} s")


def _ended(name: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """Sentence on how the process ended, with its last words: a signal leaves none."""
    words = log.read_text("utf-8").strip().removeprefix("edge: ")[-500:]
    how = f"by signal {-process.returncode}" if process.returncode < 0 else f"with status {process.returncode}"
    return f"{name} ended {how}" + (f": {words}" if words else "")


def _watch(url: str, duration_s: float | None, processes: dict[str, subprocess.Popen[bytes]], folder: Path) -> int:
    """Says what is found as it is found; with a duration, ends as soon as the dirty lens was."""
    begun, said = time.monotonic(), ""
    while duration_s is None or time.monotonic() - begun < duration_s:
        for name, process in processes.items():
            if process.poll() is not None:
                raise LinkError(_ended(name, process, folder / f"{name}.log"))
        news = _news(url)
        if news and news != said:
            said = news
            print(f"{time.monotonic() - begun:5.0f} s  {news}", flush=True)
        if duration_s is not None and "d00007" in news:
            return 0
        time.sleep(1.0)
    return 1


def _news(url: str) -> str:
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"{url}api/v1/fleet?drifted=yes&rows=5&sort=since&order=up", timeout=10) as answer,
    ):
        found = json.load(answer)
        names = ", ".join(f"{row['device']} ({row['feature']})" for row in found["devices"])
        more = f" and {found['total'] - len(found['devices'])} more" if found["total"] > len(found["devices"]) else ""
        return f"drifting: {names}{more}" if names else ""
    return ""


if __name__ == "__main__":
    sys.exit(main())
